// Two texts word by word: what stayed, went and came, with what stayed shortened to what is beside a change.
import { diffWordsWithSpace } from 'diff'
import { HISTORY_LIMITS } from './limits.js'

/** `skipped`: so many characters that are the same in both. */
export type Hunk =
  | { readonly type: 'same' | 'removed' | 'added'; readonly text: string }
  | { readonly type: 'skipped'; readonly characters: number }

/** Compares the texts of one difference, within what they may cost together. */
export class Words {
  private left: number = HISTORY_LIMITS.wordSteps

  between(from: string, to: string): Hunk[] {
    const maxEditLength = Math.min(HISTORY_LIMITS.words, Math.floor(Math.sqrt(this.left)))
    const parts = diffWordsWithSpace(from, to, { maxEditLength })
    const changed = parts?.reduce((sum, { added, removed, count }) => sum + (added || removed ? count : 0), 0)
    this.left -= (changed ?? maxEditLength) ** 2
    if (!parts)
      return [
        { type: 'removed', text: from },
        { type: 'added', text: to },
      ]
    return parts.flatMap(({ value, added, removed }, index): Hunk[] => {
      if (added || removed) return [{ type: added ? 'added' : 'removed', text: value }]
      return shortened(value, index === 0, index === parts.length - 1)
    })
  }
}

function shortened(text: string, isFirst: boolean, isLast: boolean): Hunk[] {
  const { around } = HISTORY_LIMITS
  const head = isFirst ? 0 : around
  const tail = isLast ? 0 : around
  if (text.length <= head + tail + around) return [{ type: 'same', text }]
  const start = whole(text, head)
  const end = whole(text, text.length - tail)
  const same = (part: string): Hunk[] => (part === '' ? [] : [{ type: 'same', text: part }])
  return [
    ...same(text.slice(0, start)),
    { type: 'skipped', characters: end - start },
    ...same(text.slice(end)),
  ]
}

/** An index that does not stand within a pair of surrogates. */
const whole = (text: string, index: number): number =>
  index > 0 && index < text.length && /[\udc00-\udfff]/.test(text.charAt(index)) ? index - 1 : index
