/** Any JSON value. */
export type JsonValue = string | number | boolean | null | readonly JsonValue[] | JsonObject

/** A JSON object. Keys such as `__proto__` are ordinary keys: never copy one with `Object.assign`. */
export interface JsonObject {
  readonly [key: string]: JsonValue
}
