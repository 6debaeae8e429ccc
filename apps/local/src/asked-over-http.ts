// Whether the service asks over HTTP who somebody is, found out by asking it as nobody.

/** @returns what a curl has to show it, with a variable in place of the secret; undefined where it asks nobody */
export async function askedOverHttp(url: string): Promise<string | undefined> {
  try {
    const answer = await fetch(`${url}/assistants/count`, { method: 'POST', body: '{}' })
    const said = await answer.text()
    if (answer.status !== 401 && answer.status !== 403) return undefined
    // With keys, the refusal names their header; a module reads most likely what everybody sends.
    return said.includes('X-Api-Key') ? '-H "X-Api-Key: $API_KEY"' : '-H "Authorization: Bearer $TOKEN"'
  } catch {
    return undefined
  }
}
