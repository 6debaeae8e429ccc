// The JSON of a version's content, as its row holds it. To write it costs as much as to read the event; where the stored
// text of the event is at hand it is cut out of that, which is the same: the service wrote both with one function.

interface Data {
  readonly content: object
}

/** @param text the JSON of `data` as it is stored, where that is at hand */
export function contentJson(data: Data, text: string | undefined): string {
  if (text !== undefined) {
    const [before, after] = around(data)
    if (text.startsWith(before) && text.endsWith(after))
      return text.slice(before.length, text.length - after.length)
  }
  return JSON.stringify(data.content)
}

/** What stands before and after the content. Inside of a text quotes are escaped, so that this is no text's. */
function around(data: Data): readonly [string, string] {
  const rest = JSON.stringify({ ...data, content: 0 })
  const at = rest.indexOf(MARK) + MARK.length
  return [rest.slice(0, at - 1), rest.slice(at)]
}

const MARK = '"content":0'
