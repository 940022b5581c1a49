// Writes GGUF files for tests, with false counts on request.

/** little-endian */
export const u8 = (value: number) => [value & 255]
export const u32 = (value: number) => [0, 8, 16, 24].map((shift) => (value >>> shift) & 255)
export const u64 = (value: number | bigint) => [...new Uint8Array(BigUint64Array.of(BigInt(value)).buffer)]
export const text = (value: string) => [...u64(new TextEncoder().encode(value).length), ...new TextEncoder().encode(value)]
export const key = (name: string, type: number, value: number[]) => [...text(name), ...u32(type), ...value]
export const array = (name: string, elements: number, count: number | bigint, values: number[] = []) =>
  key(name, 9, [...u32(elements), ...u64(count), ...values])
/** @param ne as in the file, the row's length first */
export const tensor = (name: string, ne: (number | bigint)[], type: number, offset: number | bigint, dims = ne.length) => [
  ...text(name),
  ...u32(dims),
  ...ne.flatMap(u64),
  ...u32(type),
  ...u64(offset),
]

/** The content of a file; counts are correct unless given. */
export interface GgufParts {
  magic?: string
  version?: number
  tensorCount?: number | bigint
  keyCount?: number | bigint
  keys?: number[][]
  tensors?: number[][]
  dataBytes?: number
}

/** A file: its header, padded to a multiple of 32, and zeros as data. */
export function ggufOf({
  magic = 'GGUF',
  version = 3,
  keys = [],
  tensors = [],
  tensorCount = tensors.length,
  keyCount = keys.length,
  dataBytes = 0,
}: GgufParts): Uint8Array {
  const head = [...new TextEncoder().encode(magic), ...u32(version), ...u64(tensorCount), ...u64(keyCount), ...keys.flat(), ...tensors.flat()]
  const file = new Uint8Array(Math.ceil(head.length / 32) * 32 + dataBytes)
  file.set(head)
  return file
}
