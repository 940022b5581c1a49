// Text inside a PNG: its iTXt chunks (PNG specification, 11.3.3.4).

const SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]
/** Of a text that is read: a recipe is a few kilobytes, and a file can say anything. */
const MOST_BYTES = 4 * 2 ** 20

/** Whether bytes begin as a PNG does. */
export function isPng(bytes: Uint8Array): boolean {
  return SIGNATURE.every((byte, index) => bytes[index] === byte)
}

/** The text that a PNG has under a keyword; null where there is none, or where the file is no PNG or breaks off. Never throws. */
export async function readPngText(bytes: Uint8Array<ArrayBuffer>, keyword: string): Promise<string | null> {
  if (!isPng(bytes)) return null
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  // length u32, type, data, CRC u32
  for (let at = SIGNATURE.length; at + 12 <= bytes.length; ) {
    const length = view.getUint32(at)
    const type = latin(bytes.subarray(at + 4, at + 8))
    if (at + 12 + length > bytes.length || type === 'IEND') return null
    if (type === 'iTXt' && length <= MOST_BYTES) {
      const text = await readChunk(bytes.subarray(at + 8, at + 8 + length), keyword)
      if (text !== null) return text
    }
    at += 12 + length
  }
  return null
}

/** keyword 0 compressed method language 0 translated 0 text */
async function readChunk(chunk: Uint8Array<ArrayBuffer>, keyword: string): Promise<string | null> {
  const end = chunk.indexOf(0)
  if (end < 0 || latin(chunk.subarray(0, end)) !== keyword) return null
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

/** zlib, no more than MOST_BYTES of it. */
async function inflate(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array> {
  const reader = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('deflate')).getReader()
  const parts: Uint8Array[] = []
  let total = 0
  for (;;) {
    const { done, value } = await reader.read()
    if (done) break
    total += value.length
    if (total > MOST_BYTES) throw new RangeError(`inflate: expected at most ${MOST_BYTES} bytes.`)
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
