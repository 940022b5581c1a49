// SentencePiece's normalization table (the `precompiled_charsmap` of a tokenizer.json's "Precompiled" normalizer): replacements for short
// byte sequences. It is roughly NFKC, with its own rules for spaces and control characters.
// Layout: https://github.com/google/sentencepiece, normalizer.cc; the trie is darts-clone's, https://github.com/s-yata/darts-clone.
//
// u32 T            bytes of the trie
// u32 [T / 4]      the trie over UTF-8 bytes
// u8 […]           the replacements, each terminated by a 0; the trie's leaves are offsets in here

/** Graphemes of at least so many bytes are normalized character by character, as in the tokenizers package. */
const LONG_GRAPHEME_BYTES = 6

const utf8 = { encoder: new TextEncoder(), decoder: new TextDecoder() }

/**
 * Parses a table.
 * @param base64 of the whole table
 * @returns the normalization of a text; identical to that of the tokenizers package, which T5's ids come from
 * @throws Error when the table is invalid
 */
export function readCharsmap(base64: string): (text: string) => string {
  const bytes = decode(base64)
  const trieBytes = bytes.length < 4 ? 0 : new DataView(bytes.buffer).getUint32(0, true)
  if (trieBytes === 0 || trieBytes % 4 !== 0 || 4 + trieBytes > bytes.length) {
    throw new Error(`precompiled_charsmap: expected a trie within its ${bytes.length} bytes, got one of ${trieBytes} bytes`)
  }
  const units = new Uint32Array(bytes.buffer.slice(4, 4 + trieBytes))
  const replacements = bytes.subarray(4 + trieBytes)
  const graphemes = new Intl.Segmenter(undefined, { granularity: 'grapheme' })

  /** The replacement of the shortest prefix of `text` in the table; undefined if there is none. */
  const replacement = (text: Uint8Array): string | undefined => {
    const start = findReplacement(units, text)
    if (start === undefined) return undefined
    const end = replacements.indexOf(0, start)
    return utf8.decoder.decode(replacements.subarray(start, end === -1 ? undefined : end))
  }

  return (text) => {
    let result = ''
    for (const { segment } of graphemes.segment(text)) {
      const whole = utf8.encoder.encode(segment)
      const short = whole.length < LONG_GRAPHEME_BYTES ? replacement(whole) : undefined
      if (short !== undefined) result += short
      else for (const character of segment) result += replacement(utf8.encoder.encode(character)) ?? character
    }
    return result
  }
}

function decode(base64: string): Uint8Array<ArrayBuffer> {
  try {
    return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0))
  } catch {
    throw new Error('precompiled_charsmap: expected base64')
  }
}

/** The value of the first leaf on the path of these bytes. A unit outside the trie ends the path like a missing entry. */
function findReplacement(units: Uint32Array, text: Uint8Array): number | undefined {
  let node = offsetOf(units[0] ?? 0)
  for (const byte of text) {
    if (byte === 0) return undefined
    node ^= byte
    const unit = units[node]
    if (unit === undefined || labelOf(unit) !== byte) return undefined
    node ^= offsetOf(unit)
    if (hasLeaf(unit)) return (units[node] ?? 0) & 0x7fffffff
  }
  return undefined
}

// A unit: bits 0-7 byte, 8 whether a leaf follows, 9 whether the offset is in steps of 256, 10-30 offset, 31 set in leaves.
const labelOf = (unit: number) => (unit & 0x800000ff) >>> 0
const hasLeaf = (unit: number) => (unit & 0x100) !== 0
const offsetOf = (unit: number) => (unit >>> 10) << ((unit & 0x200) >>> 6)
