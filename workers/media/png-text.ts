// Words about a picture inside its PNG: an international text chunk. https://www.w3.org/TR/png-3/#11iTXt

/** Length, type and checksum around a chunk's data. */
const CHUNK_BYTES = 12

/**
 * The PNG with a text before its end.
 * @param keyword Latin letters, at most 79
 */
export function withPngText(png: Uint8Array, keyword: string, text: string): Uint8Array<ArrayBuffer> {
  const utf8 = new TextEncoder()
  // keyword, 0; not compressed, 0; no language, 0; no translated keyword, 0
  const data = Uint8Array.from([...utf8.encode(keyword), 0, 0, 0, 0, 0, ...utf8.encode(text)])
  const endAt = png.length - CHUNK_BYTES
  const all = new Uint8Array(png.length + CHUNK_BYTES + data.length)
  all.set(png.subarray(0, endAt))
  all.set(chunk('iTXt', data), endAt)
  all.set(png.subarray(endAt), endAt + CHUNK_BYTES + data.length)
  return all
}

function chunk(type: string, data: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(CHUNK_BYTES + data.length)
  const view = new DataView(bytes.buffer)
  view.setUint32(0, data.length)
  bytes.set(new TextEncoder().encode(type), 4)
  bytes.set(data, 8)
  view.setUint32(8 + data.length, crc32(bytes.subarray(4, 8 + data.length)))
  return bytes
}

/** As PNG wants it: https://www.w3.org/TR/png-3/#samplecrc */
function crc32(bytes: Uint8Array): number {
  let crc = 0xffffffff
  for (const byte of bytes) {
    crc ^= byte
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1
  }
  return (crc ^ 0xffffffff) >>> 0
}
