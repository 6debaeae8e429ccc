// Arrays in PostgreSQL's binary format: a whole column of a batch is one parameter, with nothing to escape or to parse.

import { withoutNul } from '../without-nul.js'

const INT8_OID = 20
const TEXT_OID = 25
/** Dimensions, whether there are nulls, type; then of the only dimension the size and the first index. */
const HEADER_BYTES = 20
/** An empty array has no dimension. */
const EMPTY_BYTES = 12

/** An `int8[]` of integers up to 2^53. */
export function int8Array(values: readonly (number | null)[]): Buffer {
  const array = begun(INT8_OID, values.length, HEADER_BYTES + values.length * 12)
  let at = HEADER_BYTES
  for (const value of values) {
    if (value === null) {
      at = array.writeInt32BE(-1, at)
      continue
    }
    at = array.writeInt32BE(8, at)
    at = array.writeInt32BE(Math.floor(value / 2 ** 32), at)
    at = array.writeUInt32BE(value >>> 0, at)
  }
  return array.subarray(0, values.length === 0 ? EMPTY_BYTES : at)
}

/** A `text[]`. */
export function textArray(values: readonly (string | null)[]): Buffer {
  let bytes = HEADER_BYTES
  const texts = values.map((value) => (value === null ? null : withoutNul(value)))
  for (const text of texts) bytes += 4 + (text === null ? 0 : Buffer.byteLength(text))
  const array = begun(TEXT_OID, values.length, bytes)
  let at = HEADER_BYTES
  for (const text of texts) {
    if (text === null) {
      at = array.writeInt32BE(-1, at)
      continue
    }
    const written = array.write(text, at + 4)
    array.writeInt32BE(written, at)
    at += 4 + written
  }
  return array.subarray(0, values.length === 0 ? EMPTY_BYTES : at)
}

function begun(type: number, length: number, bytes: number): Buffer {
  const array = Buffer.allocUnsafe(bytes)
  array.writeInt32BE(length === 0 ? 0 : 1, 0)
  array.writeInt32BE(1, 4)
  array.writeInt32BE(type, 8)
  array.writeInt32BE(length, 12)
  array.writeInt32BE(1, 16)
  return array
}
