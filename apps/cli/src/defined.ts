// Fields that were given, without those that were not.

/** The same object without what is undefined: an absent option is no field of a request. */
export function defined<T extends object>(
  fields: T,
): { [Name in keyof T as undefined extends T[Name] ? never : Name]: T[Name] } & {
  [Name in keyof T as undefined extends T[Name] ? Name : never]?: Exclude<T[Name], undefined>
} {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as never
}
