// SHA-256 of what is at hand, and of what comes piece by piece (WebCrypto has only the former).
import { sha256 } from '@noble/hashes/sha2.js'
import { bytesToHex } from '@noble/hashes/utils.js'

/** The hash of these bytes, in hex. */
export async function sha256Hex(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  return bytesToHex(new Uint8Array(await crypto.subtle.digest('SHA-256', bytes)))
}

/** A hash that grows with what it is given. */
export class Sha256 {
  private readonly hash = sha256.create()

  update(bytes: Uint8Array): void {
    this.hash.update(bytes)
  }

  /** In hex; nothing can be added any more. */
  finish(): string {
    return bytesToHex(this.hash.digest())
  }
}
