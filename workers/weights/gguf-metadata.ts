// The key-value metadata of a GGUF header. Arrays (mostly a vocabulary) are skipped: only their type and length are read.
// https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
import { MOST } from '../../src/shared/file-bounds'
import type { GgufCursor } from './gguf-cursor'

/** The type and length of an array, without its elements. */
export interface GgufArray {
  elements: string
  count: number
}

/** A 64-bit integer is a number if a number represents it exactly, else a bigint. */
export type GgufValue = string | number | bigint | boolean | GgufArray

/** Bytes of the shortest key with its value: a length, one character, a type, one byte. */
export const MIN_KEY_BYTES = 8 + 1 + 4 + 1

/** The format's own limit, bytes. */
const MAX_KEY_BYTES = 65_535

type Scalar = number | bigint
interface ScalarType {
  name: string
  bytes: number
  read: (view: DataView, at: number) => Scalar
}

const BOOL = 7
const STRING = 8
const ARRAY = 9
const SCALARS: ReadonlyMap<number, ScalarType> = new Map<number, ScalarType>([
  [0, { name: 'UINT8', bytes: 1, read: (view, at) => view.getUint8(at) }],
  [1, { name: 'INT8', bytes: 1, read: (view, at) => view.getInt8(at) }],
  [2, { name: 'UINT16', bytes: 2, read: (view, at) => view.getUint16(at, true) }],
  [3, { name: 'INT16', bytes: 2, read: (view, at) => view.getInt16(at, true) }],
  [4, { name: 'UINT32', bytes: 4, read: (view, at) => view.getUint32(at, true) }],
  [5, { name: 'INT32', bytes: 4, read: (view, at) => view.getInt32(at, true) }],
  [6, { name: 'FLOAT32', bytes: 4, read: (view, at) => view.getFloat32(at, true) }],
  [BOOL, { name: 'BOOL', bytes: 1, read: (view, at) => view.getUint8(at) }],
  [10, { name: 'UINT64', bytes: 8, read: (view, at) => view.getBigUint64(at, true) }],
  [11, { name: 'INT64', bytes: 8, read: (view, at) => view.getBigInt64(at, true) }],
  [12, { name: 'FLOAT64', bytes: 8, read: (view, at) => view.getFloat64(at, true) }],
])

/** A value, and the format's name of its type. */
export interface TypedValue {
  type: string
  value: GgufValue
}

/**
 * Reads `count` keys with their values.
 * @throws AppError weights-corrupt; MoreBytes
 */
export function readMetadata(cursor: GgufCursor, count: number): Map<string, TypedValue> {
  const metadata = new Map<string, TypedValue>()
  for (let i = 0; i < count; i++) {
    cursor.ahead -= MIN_KEY_BYTES
    const key = cursor.text(`key ${i}`, MAX_KEY_BYTES)
    if (key === '') throw cursor.corrupt(`key ${i}`, 'a name', 'none')
    if (metadata.has(key)) throw cursor.corrupt(`the key ${key}`, 'one entry', 'two')
    metadata.set(key, readValue(cursor, key))
  }
  return metadata
}

function readValue(cursor: GgufCursor, key: string): TypedValue {
  const type = cursor.u32(`the type of ${key}`)
  if (type === STRING) return { type: 'STRING', value: cursor.text(key) }
  if (type === ARRAY) return { type: 'ARRAY', value: skipArray(cursor, key) }
  const scalar = SCALARS.get(type)
  if (!scalar) throw cursor.corrupt(`the type of ${key}`, 'a number from 0 to 12', `${type}`)
  const value = cursor.scalar(scalar.bytes, scalar.read, key)
  if (type === BOOL) {
    if (value !== 0 && value !== 1) throw cursor.corrupt(key, 'a BOOL of 0 or 1', `${value}`)
    return { type: scalar.name, value: value === 1 }
  }
  const exact = typeof value === 'bigint' && value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER
  return { type: scalar.name, value: exact ? Number(value) : value }
}

function skipArray(cursor: GgufCursor, key: string): GgufArray {
  const type = cursor.u32(`the type of ${key}'s elements`)
  const count = cursor.u64(`the length of ${key}`)
  if (type === STRING) {
    skipStrings(cursor, key, count)
    return { elements: 'STRING', count }
  }
  const scalar = SCALARS.get(type)
  // the format allows arrays of arrays; llama.cpp reads none and no model has them
  if (!scalar) throw cursor.corrupt(`the type of ${key}'s elements`, 'a string or a number', type === ARRAY ? 'an array' : `${type}`)
  cursor.take(count * scalar.bytes, key)
  return { elements: scalar.name, count }
}

/** Bytes of a string's length: the least that an element takes. */
const LENGTH_BYTES = 8

function skipStrings(cursor: GgufCursor, key: string, count: number): void {
  const element = `an element of ${key}`
  cursor.ahead += count * LENGTH_BYTES
  // rejects a count that exceeds the file before the loop starts
  cursor.take(0, key)
  if (count > MOST.vocabulary) throw cursor.corrupt(`the length of ${key}`, `at most ${MOST.vocabulary} strings`, `${count}`)
  for (let i = 0; i < count; i++) {
    cursor.ahead -= LENGTH_BYTES
    cursor.take(cursor.u64(element), element)
  }
}
