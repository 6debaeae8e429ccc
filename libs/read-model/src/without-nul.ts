// U+0000 is in no text of the read model: contents have U+FFFD instead, and PostgreSQL could not keep it.

/** As content would have it: what is looked for, and what a stranger says of itself, may be any text. */
export const withoutNul = (text: string): string =>
  text.includes('\u0000') ? text.replaceAll('\u0000', '\uFFFD') : text
