// Text in a PNG: iTXt chunks (international textual data). https://www.w3.org/TR/png-3/#11iTXt

const SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]
/** Bytes of the longest text that is read, since a file can claim any length; a recipe takes a few kilobytes. */
const MAX_TEXT_BYTES = 4 * 2 ** 20
/** Bytes of length, type and checksum around a chunk's data. */
const CHUNK_BYTES = 12

/** Whether bytes start with the PNG signature. */
export function isPng(bytes: Uint8Array): boolean {
  return SIGNATURE.every((byte, index) => bytes[index] === byte)
}

/** A PNG's first text with a given keyword; null if it has none, is not a PNG or is truncated. Never throws. */
export async function readPngText(bytes: Uint8Array<ArrayBuffer>, keyword: string): Promise<string | null> {
  if (!isPng(bytes)) return null
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  // a chunk: length u32, type, data, CRC u32
  for (let at = SIGNATURE.length; at + CHUNK_BYTES <= bytes.length;) {
    const length = view.getUint32(at)
    const type = latin(bytes.subarray(at + 4, at + 8))
    if (at + CHUNK_BYTES + length > bytes.length || type === 'IEND') return null
    if (type === 'iTXt' && length <= MAX_TEXT_BYTES && hasKeyword(bytes.subarray(at + 8, at + 8 + length), keyword)) {
      // the first is the one: a file may have thousands, each of which inflates to the most that is read
      return readTextChunk(bytes.subarray(at + 8, at + 8 + length), keyword.length)
    }
    at += CHUNK_BYTES + length
  }
  return null
}

/** Whether a chunk's data begins with the keyword and a 0. The lengths are compared first: a keyword is short, and a chunk may have megabytes. */
function hasKeyword(chunk: Uint8Array, keyword: string): boolean {
  return chunk[keyword.length] === 0 && latin(chunk.subarray(0, keyword.length)) === keyword
}

/** The text in the data of a chunk: keyword 0 compressed method language 0 translated 0 text. @param end of the keyword */
async function readTextChunk(chunk: Uint8Array<ArrayBuffer>, end: number): Promise<string | null> {
  const compressed = chunk[end + 1] === 1
  const language = chunk.indexOf(0, end + 3)
  const translated = language < 0 ? -1 : chunk.indexOf(0, language + 1)
  if (translated < 0) return null
  const text = chunk.subarray(translated + 1)
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(compressed ? await inflate(text) : text)
  } catch {
    return null // damaged
  }
}

/** Inflates zlib data of at most MAX_TEXT_BYTES. */
async function inflate(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array> {
  const reader = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('deflate')).getReader()
  const parts: Uint8Array[] = []
  let total = 0
  for (;;) {
    const { done, value } = await reader.read()
    if (done) break
    total += value.length
    if (total > MAX_TEXT_BYTES) {
      await reader.cancel()
      throw new RangeError(`Expected a text of at most ${MAX_TEXT_BYTES} bytes, got more.`)
    }
    parts.push(value)
  }
  const whole = new Uint8Array(total)
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}

function latin(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes)
}

/**
 * The PNG with a text before its last chunk.
 * @param keyword Latin letters, at most 79
 */
export function withPngText(png: Uint8Array, keyword: string, text: string): Uint8Array<ArrayBuffer> {
  const utf8 = new TextEncoder()
  // keyword, 0; not compressed, 0; no language, 0; no translated keyword, 0
  const data = Uint8Array.from([...utf8.encode(keyword), 0, 0, 0, 0, 0, ...utf8.encode(text)])
  const endAt = png.length - CHUNK_BYTES
  const all = new Uint8Array(png.length + CHUNK_BYTES + data.length)
  all.set(png.subarray(0, endAt))
  all.set(chunkOf('iTXt', data), endAt)
  all.set(png.subarray(endAt), endAt + CHUNK_BYTES + data.length)
  return all
}

function chunkOf(type: string, data: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(CHUNK_BYTES + data.length)
  const view = new DataView(bytes.buffer)
  view.setUint32(0, data.length)
  bytes.set(new TextEncoder().encode(type), 4)
  bytes.set(data, 8)
  view.setUint32(8 + data.length, crc32(bytes.subarray(4, 8 + data.length)))
  return bytes
}

/** The checksum of a chunk: https://www.w3.org/TR/png-3/#samplecrc */
function crc32(bytes: Uint8Array): number {
  let crc = 0xffffffff
  for (const byte of bytes) {
    crc ^= byte
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1
  }
  return (crc ^ 0xffffffff) >>> 0
}
