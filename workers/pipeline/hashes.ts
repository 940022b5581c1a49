// SHA-256 of what a job made, so that two runs can be compared. WebCrypto cannot hash piece by piece.
import { sha256 } from '@noble/hashes/sha2.js'
import { bytesToHex } from '@noble/hashes/utils.js'

/** Hex SHA-256 of the values' little-endian bytes. */
export function sha256Hex(values: Float32Array): string {
  return bytesToHex(sha256(new Uint8Array(values.buffer, values.byteOffset, values.byteLength)))
}

/** Hex SHA-256 of frames as they come. */
export class FrameHash {
  private readonly hash = sha256.create()

  add(rgba: Uint8ClampedArray): void {
    this.hash.update(new Uint8Array(rgba.buffer, rgba.byteOffset, rgba.byteLength))
  }

  hex(): string {
    return bytesToHex(this.hash.digest())
  }
}
