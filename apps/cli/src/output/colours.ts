// Whether to colour: --no-color, then FORCE_COLOR, then NO_COLOR (no-color.org), then what the terminal can.
import type { ColorSupportLevel } from 'chalk'

interface Stream {
  readonly isTTY?: boolean
  getColorDepth?(environment?: object): number
}

/** @param color false with --no-color */
export function colourLevel(
  color: boolean,
  environment: Readonly<Record<string, string | undefined>>,
  stream: Stream,
): ColorSupportLevel {
  if (!color) return 0
  const { FORCE_COLOR: forced, NO_COLOR: none, TERM: term } = environment
  if (forced !== undefined) return forcedLevel(forced)
  if (none !== undefined && none !== '') return 0
  if (!stream.isTTY || term === 'dumb') return 0
  const depth = stream.getColorDepth?.(environment) ?? 4
  return depth >= 24 ? 3 : depth >= 8 ? 2 : depth >= 4 ? 1 : 0
}

/** As Node reads it: 0 and false are none, a number is a level, anything else is colours. */
function forcedLevel(forced: string): ColorSupportLevel {
  switch (forced) {
    case '0':
    case 'false':
      return 0
    case '2':
      return 2
    case '3':
      return 3
    default:
      return 1
  }
}
