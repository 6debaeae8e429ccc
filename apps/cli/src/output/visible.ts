// What a terminal is given: nothing that comes from a name, a reason or a prompt may move its cursor, change its title or
// turn its letters around.

/** Control characters but tab and new line; of escapes only those that colour; and what reverses the direction of text. */
const UNSEEN =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not reach a terminal
  /\u001b(?!\[[0-9;]*m)|[\u0000-\u0008\u000b-\u001a\u001c-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g

/** The text, with a mark in place of each of them. */
export const visible = (text: string): string => text.replaceAll(UNSEEN, '\ufffd')
