// A read cursor over the leading bytes of a GGUF file, of which more may be needed.
import { AppError, cutText } from '../../src/shared/errors'

/** Thrown when the leading bytes end before the value being read; `readGgufHeader` turns it into a result. */
export class MoreBytes extends Error {
  /** @param atLeast leading bytes of the file that are needed in total */
  constructor(readonly atLeast: number) {
    super(`Expected at least ${atLeast} leading bytes of the file.`)
  }
}

/** Bytes of the longest header that is read: a vocabulary of 256 000 tokens takes some 6 MB. A longer header is malicious or damaged. */
export const MAX_HEADER_BYTES = 2 ** 26

const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** Reads little-endian values in sequence. Every length is checked before it is used. */
export class GgufCursor {
  /** offset from the start of the file */
  at = 0
  /** least number of bytes that must follow the next value: lets the reader request many bytes at once, and rejects false counts early */
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

  /** The error for a value of `key` other than expected. @param wayOut what the person can do */
  corrupt(key: string, expected: string, got: string, wayOut = ''): AppError {
    const message = `${cutText(this.file)} is not readable as GGUF: ${cutText(key)}: expected ${expected}, got ${got}${wayOut && `; ${wayOut}`}.`
    return new AppError('weights-corrupt', message, { file: this.file, key, expected, found: got })
  }

  /**
   * Skips `length` bytes and returns their offset.
   * @param what the field, for the error
   * @throws AppError weights-corrupt when the file is too short for them; MoreBytes when the leading bytes are
   */
  take(length: number, what: string): number {
    const begin = this.at
    const end = begin + length
    const headerBytes = end + this.ahead
    if (headerBytes > this.fileBytes) {
      throw this.corrupt(
        what,
        `a header that ends within the file's ${this.fileBytes} bytes`,
        `one of at least ${headerBytes}`,
        'the file may be truncated: download it again',
      )
    }
    if (headerBytes > MAX_HEADER_BYTES) throw this.corrupt(what, `a header of at most ${MAX_HEADER_BYTES} bytes`, `one of at least ${headerBytes}`)
    if (end > this.bytes.length) throw new MoreBytes(headerBytes)
    this.at = end
    return begin
  }

  u32(what: string): number {
    return this.view.getUint32(this.take(4, what), true)
  }

  /** A u64 that counts bytes or elements of the file. @throws AppError weights-corrupt when it exceeds 2^53 − 1 */
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
   * A string: its length as u64, then UTF-8.
   * @param maxBytes the longest allowed
   * @throws AppError weights-corrupt
   */
  text(what: string, maxBytes = MAX_HEADER_BYTES): string {
    const length = this.u64(`the length of ${what}`)
    if (length > maxBytes) throw this.corrupt(`the length of ${what}`, `at most ${maxBytes} bytes`, `${length}`)
    const begin = this.take(length, what)
    try {
      return UTF8.decode(this.bytes.subarray(begin, begin + length))
    } catch {
      throw this.corrupt(what, 'UTF-8', 'other bytes')
    }
  }
}
