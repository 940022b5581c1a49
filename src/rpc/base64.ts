/** Base64 of a blob's bytes. The browser's own data: URL writer, which takes hundreds of megabytes without a loop in JavaScript. */
export function bytesToBase64(blob: Blob): Promise<string> {
  return new Promise((resolve, reject) => {
    const reader = new FileReader()
    reader.onload = () => {
      const url = String(reader.result)
      resolve(url.slice(url.indexOf(',') + 1))
    }
    reader.onerror = () => reject(reader.error ?? new Error('The bytes could not be read.'))
    reader.readAsDataURL(blob)
  })
}

/** Bytes from base64. */
export function base64ToBytes(base64: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0))
}

/** Little-endian f32 values from base64. */
export function base64ToFloats(base64: string): Float32Array<ArrayBuffer> {
  return new Float32Array(base64ToBytes(base64).buffer)
}
