// Files changed at random, for parsers: each must be read consistently or refused.
import { u32, u64 } from './write-gguf'

/** Values that are hard for parsers. */
const HARD = ['0', '-1', '1e999', '18446744073709551615', '9007199254740992', '0.5', 'null', '[]', '{}', '"x"', '""', '99999999999999999999999']

/**
 * Random changes: bits, bytes, words, lengths, pieces moved, cut or repeated; of a file with a JSON header behind a u64 length (safetensors)
 * also the header's tokens.
 * @param headerEnd bytes from the beginning that are changed
 * @param next random numbers in [0, 1)
 */
export function mutate(file: Uint8Array, headerEnd: number, next: () => number): Uint8Array<ArrayBuffer> {
  const pick = (count: number) => Math.floor(next() * count)
  let bytes = Array.from(file)
  for (let change = 0; change <= pick(3); change++) {
    const at = pick(Math.min(headerEnd, bytes.length) || 1)
    const kinds: (() => void)[] = [
      () => (bytes[at] = (bytes[at] ?? 0) ^ (1 << pick(8))),
      () => (bytes[at] = pick(256)),
      () => bytes.splice(at, 8, ...u64([0n, 1n, 2n ** 31n, 2n ** 53n, 2n ** 63n, 2n ** 64n - 1n, BigInt(pick(2000))][pick(7)] as bigint)),
      () => bytes.splice(at, 4, ...u32([0, 1, 0xffffffff, 0x7fffffff, pick(100)][pick(5)] as number)),
      () => bytes.splice(at, pick(20)),
      () => bytes.splice(at, 0, ...bytes.slice(pick(headerEnd), pick(headerEnd))),
      () => bytes.splice(at, 0, ...Array.from({ length: pick(9) }, () => pick(256))),
      () => (bytes = bytes.slice(0, pick(bytes.length + 1))),
      () => bytes.push(...new Array<number>(pick(40)).fill(0)),
      () => replaceToken(bytes, headerEnd, pick),
      () => replaceToken(bytes, headerEnd, pick),
    ]
    kinds[pick(kinds.length)]?.()
  }
  return new Uint8Array(bytes)
}

/** Replaces a token of the JSON and corrects the length in front, so that the JSON is parsed. */
function replaceToken(bytes: number[], headerEnd: number, pick: (count: number) => number): void {
  const header = new TextDecoder().decode(Uint8Array.from(bytes.slice(8, headerEnd)))
  const tokens = [...header.matchAll(/\d+|"[^"]*"|[[\]{},:]/g)]
  const token = tokens[pick(tokens.length)]
  if (!token) return
  const other = pick(2) ? HARD[pick(HARD.length)] : tokens[pick(tokens.length)]?.[0]
  const changed = new TextEncoder().encode(header.slice(0, token.index) + (other ?? '') + header.slice(token.index + token[0].length))
  bytes.splice(0, headerEnd, ...u64(changed.length), ...changed)
}

/** A JSON value with some of its parts exchanged, repeated or removed at random. */
export function mutateJson(value: unknown, next: () => number): unknown {
  const pick = (count: number) => Math.floor(next() * count)
  const hard = () => [0, -1, 0.5, 1e9, 1e308, null, true, '', 'x'.repeat(10 ** pick(6)), [], {}, Array.from({ length: 10 ** pick(5) }, () => 1)][pick(12)]
  const copy = JSON.parse(JSON.stringify(value)) as unknown
  for (let change = 0; change <= pick(3); change++) {
    let at = copy
    for (let depth = pick(5); depth >= 0 && typeof at === 'object' && at !== null; depth--) {
      const holder = at as Record<string, unknown>
      const keys = Object.keys(holder)
      const key = keys[pick(keys.length)]
      if (key === undefined) break
      at = holder[key]
      if (depth > 0 && typeof at === 'object' && at !== null) continue
      const kinds: (() => void)[] = [
        () => (holder[key] = hard()),
        () => delete holder[key],
        () => (holder[`${key}x`] = hard()),
        () => Object.defineProperty(holder, '__proto__', { value: { [key]: hard() }, enumerable: true, configurable: true, writable: true }),
        () => (holder[key] = holder[keys[pick(keys.length)] ?? key]),
      ]
      kinds[pick(kinds.length)]?.()
      break
    }
  }
  return copy
}
