// SHA-256 of bytes in memory, and incrementally of a stream, which WebCrypto lacks.
import { sha256 } from '@noble/hashes/sha2.js'
import { bytesToHex } from '@noble/hashes/utils.js'

/** The hash of some bytes, in hex. */
export async function sha256Hex(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  return bytesToHex(new Uint8Array(await crypto.subtle.digest('SHA-256', bytes)))
}

/** An incremental hash. */
export class Sha256 {
  private readonly hash = sha256.create()

  update(bytes: Uint8Array): void {
    this.hash.update(bytes)
  }

  /** The hash in hex; no update may follow. */
  finish(): string {
    return bytesToHex(this.hash.digest())
  }
}
