// The text of --help, no wider than the terminal: the paragraphs below the options are written in long lines.
import { wrapped } from './wrapped.js'

/** An example and what is said of it. */
const EXAMPLE = /^( +)(\$ .*?) {2,}(# .*)$/

const lengthOf = (text: string) => text.length

/** Paragraphs in lines of that width; what is said of an example above it, where both do not fit. Other lines stay. */
export function folded(text: string, width: number): string {
  const lines: string[] = []
  let paragraph: string[] = []
  const end = () => {
    const fits = paragraph.every((line) => line.length <= width)
    lines.push(...(fits ? paragraph : wrapped(paragraph.join(' '), width, lengthOf)))
    paragraph = []
  }
  for (const line of text.split('\n')) {
    if (/^[A-Za-z]/.test(line) && !line.endsWith(':')) {
      paragraph.push(line)
      continue
    }
    end()
    const [, inset = '', command, said] = line.length > width ? (EXAMPLE.exec(line) ?? []) : []
    lines.push(...(command === undefined ? [line] : [`${inset}${said}`, `${inset}${command}`]))
  }
  end()
  return lines.join('\n')
}
