// A safetensors file written tensor by tensor. Space for the header is reserved at the start; the header is written after the data and its
// length last: a file whose writer was interrupted begins with eight zeros, which no reader accepts.
import type { ByteSink } from '../storage/weights-file'
import { DTYPE_BYTES, LENGTH_BYTES, type Dtype } from './safetensors-header'

/** Header bytes of a tensor with a name of usual length, and of the metadata. */
const HEADER_BYTES_EACH = 200
const METADATA_BYTES = 4096

interface Entry {
  dtype: Dtype
  shape: readonly number[]
  data_offsets: [number, number]
}

/** Writes tensors one after another. */
export class TensorWriter {
  private readonly entries = new Map<string, Entry>()
  private readonly headerBytes: number
  /** bytes of data so far */
  private dataBytes = 0
  /** where the current tensor ends */
  private end = 0

  /** @param tensors the most that will be written */
  constructor(
    private readonly sink: ByteSink,
    tensors: number,
  ) {
    this.headerBytes = Math.ceil((tensors * HEADER_BYTES_EACH + METADATA_BYTES) / 8) * 8
    sink.write(new Uint8Array(LENGTH_BYTES), 0)
  }

  has(name: string): boolean {
    return this.entries.has(name)
  }

  /** Begins a tensor; its bytes follow with `write`, in any number of pieces. */
  begin(name: string, dtype: Dtype, shape: readonly number[]): void {
    this.expectFull(name)
    if (this.entries.has(name)) throw new Error(`TensorWriter: ${name} was written already.`)
    const bytes = shape.reduce((product, size) => product * size, DTYPE_BYTES[dtype])
    this.end = this.dataBytes + bytes
    this.entries.set(name, { dtype, shape, data_offsets: [this.dataBytes, this.end] })
  }

  /** The next bytes of the current tensor. */
  write(bytes: Uint8Array): void {
    if (this.dataBytes + bytes.length > this.end) throw new RangeError(`TensorWriter: ${this.dataBytes + bytes.length - this.end} bytes too many.`)
    this.sink.write(bytes, LENGTH_BYTES + this.headerBytes + this.dataBytes)
    this.dataBytes += bytes.length
  }

  /**
   * Completes the file, flushes and closes it. Until all of it is on the disk, it cannot be opened.
   * @param metadata free text for the header
   */
  finish(metadata: Record<string, string>): void {
    this.expectFull('the end')
    const header = new Uint8Array(this.headerBytes).fill(0x20) // spaces, which JSON ignores
    const text = new TextEncoder().encode(JSON.stringify(Object.assign(Object.create(null), { __metadata__: metadata }, Object.fromEntries(this.entries))))
    if (text.length > header.length) throw new RangeError(`TensorWriter: expected a header of ${header.length} bytes at most, got ${text.length}.`)
    header.set(text)
    this.sink.write(header, LENGTH_BYTES)
    this.sink.flush()
    const length = new Uint8Array(LENGTH_BYTES)
    new DataView(length.buffer).setBigUint64(0, BigInt(header.length), true)
    this.sink.write(length, 0)
    this.sink.flush()
    this.sink.close()
  }

  /** Closes the file unfinished: it cannot be opened. */
  abandon(): void {
    this.sink.close()
  }

  private expectFull(next: string): void {
    if (this.dataBytes !== this.end) throw new Error(`TensorWriter: ${this.end - this.dataBytes} bytes are missing before ${next}.`)
  }
}
