// SentencePiece's table of characters (the `precompiled_charsmap` of a tokenizer.json's "Precompiled" normalizer): which short runs of
// bytes are written in another way. It is about NFKC with rules of its own for spaces and control characters.
// Layout: https://github.com/google/sentencepiece, normalizer.cc; the trie is darts-clone's, https://github.com/s-yata/darts-clone.
//
// u32 T            bytes of the trie
// u32 [T / 4]      the trie: byte after byte of UTF-8, from node to node
// u8 […]           what is written instead, each ended by a 0; the trie's leaves are places in here

/** A grapheme of as many bytes or more is read character by character; the tokenizers package has the same limit. */
const LONG_GRAPHEME_BYTES = 6

const utf8 = { encoder: new TextEncoder(), decoder: new TextDecoder() }

/**
 * Reads a table.
 * @param base64 of the whole of it
 * @returns what brings a text into the form that the vocabulary is written in; as the tokenizers package does it, of which T5's ids are
 * @throws Error when it is no table
 */
export function readCharsmap(base64: string): (text: string) => string {
  const bytes = decode(base64)
  const trieBytes = bytes.length < 4 ? 0 : new DataView(bytes.buffer).getUint32(0, true)
  if (trieBytes === 0 || trieBytes % 4 !== 0 || 4 + trieBytes > bytes.length) {
    throw new Error(`its table of characters says ${trieBytes} bytes of trie and has ${bytes.length} in all`)
  }
  const units = new Uint32Array(bytes.buffer.slice(4, 4 + trieBytes))
  const written = bytes.subarray(4 + trieBytes)
  const graphemes = new Intl.Segmenter(undefined, { granularity: 'grapheme' })

  /** What stands for the shortest beginning of `text` that the table has; undefined when it has none. */
  const replacement = (text: Uint8Array): string | undefined => {
    const place = findPlace(units, text)
    if (place === undefined) return undefined
    const end = written.indexOf(0, place)
    return utf8.decoder.decode(written.subarray(place, end === -1 ? undefined : end))
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
    throw new Error('its table of characters is not base64')
  }
}

/** The value of the first leaf on the way that these bytes go. A unit outside of the trie ends the way, as no entry does. */
function findPlace(units: Uint32Array, text: Uint8Array): number | undefined {
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

// A unit: bits 0-7 its byte, 8 whether a leaf follows, 9 whether the offset is in steps of 256, 10-30 the offset, 31 set in leaves.
const labelOf = (unit: number) => (unit & 0x800000ff) >>> 0
const hasLeaf = (unit: number) => (unit & 0x100) !== 0
const offsetOf = (unit: number) => (unit >>> 10) << ((unit & 0x200) >>> 6)
