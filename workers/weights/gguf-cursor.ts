// A place in the leading bytes of a GGUF file that moves on as they are read. The bytes at hand may end anywhere.
import { AppError } from '../../src/shared/errors'

/** Thrown where the bytes at hand end before what is being read; `readGgufHeader` turns it into an answer. */
export class MoreBytes extends Error {
  /** @param atLeast leading bytes of the file that there must be, in all */
  constructor(readonly atLeast: number) {
    super(`at least ${atLeast} bytes of the header are needed`)
  }
}

/** The longest header that is read: a vocabulary of 256 000 words takes some 6 MB; a longer header is an attack or a mistake. */
const MAX_HEADER_BYTES = 2 ** 26

const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** Reads little-endian values one after the other. Every length is checked before it is used. */
export class GgufCursor {
  /** bytes from the file's beginning */
  at = 0
  /** bytes that must follow whatever is read next, at least: so the reader can ask for much at once, and a lying count is found early */
  ahead = 0
  private readonly view: DataView

  /**
   * @param bytes the file's leading bytes
   * @param fileBytes length of the whole file
   * @param file its name, for errors
   */
  constructor(
    private readonly bytes: Uint8Array,
    private readonly fileBytes: number,
    private readonly file: string,
  ) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  /** The error that says what was expected of `key`, what came, and the way out. */
  corrupt(key: string, expected: string, got: string, wayOut = ''): AppError {
    const message = `${this.file} is not readable as GGUF: ${key}: expected ${expected}, got ${got}${wayOut && `; ${wayOut}`}.`
    return new AppError('weights-corrupt', message, { file: this.file, key, expected, found: got })
  }

  /**
   * Moves over `length` bytes and gives the place where they begin.
   * @param what the field, for the error
   * @throws AppError weights-corrupt when the file is too short for them; MoreBytes when the bytes at hand are
   */
  take(length: number, what: string): number {
    const begin = this.at
    const end = begin + length
    const headerBytes = end + this.ahead
    if (headerBytes > this.fileBytes) {
      throw this.corrupt(what, `a header that ends within the file's ${this.fileBytes} bytes`, `one of at least ${headerBytes}`, 'the file may be cut short: download it again')
    }
    if (headerBytes > MAX_HEADER_BYTES) throw this.corrupt(what, `a header of at most ${MAX_HEADER_BYTES} bytes`, `one of at least ${headerBytes}`)
    if (end > this.bytes.length) throw new MoreBytes(headerBytes)
    this.at = end
    return begin
  }

  u32(what: string): number {
    return this.view.getUint32(this.take(4, what), true)
  }

  /** A u64 that counts bytes or things in the file. @throws AppError weights-corrupt when it is more than 2^53 − 1 */
  u64(what: string): number {
    const at = this.take(8, what)
    const value = this.view.getUint32(at + 4, true) * 2 ** 32 + this.view.getUint32(at, true)
    if (!Number.isSafeInteger(value)) {
      throw this.corrupt(what, `a number that fits in a file of ${this.fileBytes} bytes`, `${this.view.getBigUint64(at, true)}`)
    }
    return value
  }

  /** A number of `bytes` bytes, read by `read`. */
  scalar<T>(bytes: number, read: (view: DataView, at: number) => T, what: string): T {
    return read(this.view, this.take(bytes, what))
  }

  /**
   * A text: its length as u64, then UTF-8.
   * @param maxBytes the longest that is allowed
   * @throws AppError weights-corrupt
   */
  text(what: string, maxBytes = MAX_HEADER_BYTES): string {
    const length = this.u64(`the length of ${what}`)
    if (length > maxBytes) throw this.corrupt(`the length of ${what}`, `at most ${maxBytes} bytes`, `${length}`)
    const begin = this.take(length, what)
    try {
      return UTF8.decode(this.bytes.subarray(begin, begin + length))
    } catch {
      throw this.corrupt(what, 'UTF-8', 'bytes that are not')
    }
  }
}
