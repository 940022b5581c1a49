// SHA-256 of what a job made, so that two runs can be compared. WebCrypto cannot hash piece by piece.
import { sha256 } from '@noble/hashes/sha2.js'
import { bytesToHex } from '@noble/hashes/utils.js'

/** Hex SHA-256 of little-endian values as they come. */
export class ValuesHash {
  private readonly hash = sha256.create()

  add({ buffer, byteOffset, byteLength }: Uint8Array | Float32Array): void {
    this.hash.update(new Uint8Array(buffer, byteOffset, byteLength))
  }

  hex(): string {
    return bytesToHex(this.hash.digest())
  }
}
