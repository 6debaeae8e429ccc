// Numbers of things, as a person says them.

/** @param one the thing, in the singular: `event` */
export const counted = (count: number, one: string): string => `${count} ${one}${count === 1 ? '' : 's'}`
