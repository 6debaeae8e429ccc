// Time as it is recorded.

/** `YYYY-MM-DDTHH:MM:SS.ffffff+00:00`, so that text order is time order. */
export function timestamp(epoch_ms: number): string {
  return `${new Date(epoch_ms).toISOString().slice(0, -1)}000+00:00`
}

/** The later of two timestamps: time never runs backwards in a stream, whatever the clock does. */
export const later = (a: string, b: string | undefined): string => (b !== undefined && b > a ? b : a)
