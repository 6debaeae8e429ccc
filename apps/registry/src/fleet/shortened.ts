/** The beginning of a text, without half a character at its end: that could not be read back equal. */
export const shortenedTo = (most: number, text: string): string => {
  const short = text.slice(0, most)
  return short.isWellFormed() ? short : short.slice(0, -1)
}
