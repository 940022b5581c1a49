// The weights of a local file for loaders that cannot wait: read at once where they lie, some rows at a time, none of them kept.
// A worker may read blobs so (FileReaderSync); the page may not.
import { AppError } from '../../src/shared/errors'
import { floatsOf } from './safetensors'
import { DTYPE_BYTES, type SafetensorsHeader } from './safetensors-header'
import { rowsOf } from './tensor-table'

/** Bytes `start` up to, not including, `end` of a file. */
export type ReadSync = (start: number, end: number) => Uint8Array<ArrayBuffer>

/** A file of the user's disk or of OPFS. Only in a worker. */
export function readBlobSync(blob: Blob): ReadSync {
  const reader = new FileReaderSync()
  return (start, end) => new Uint8Array(reader.readAsArrayBuffer(blob.slice(start, end)))
}

/** Float weights by name, read when they are asked for: what models/weight-source.ts calls a WeightSource. */
export class BlobWeights {
  /** bytes of the longest reading so far */
  longestRead = 0

  constructor(
    private readonly header: SafetensorsHeader,
    private readonly read: ReadSync,
    private readonly file: string,
  ) {}

  has(name: string): boolean {
    return this.header.tensors.has(name)
  }

  get(name: string): { shape: readonly number[]; values: Float32Array<ArrayBuffer> } {
    return this.getRows(name, 0, rowsOf(this.place(name).shape).rows)
  }

  getRows(name: string, from: number, count: number): { shape: readonly number[]; values: Float32Array<ArrayBuffer> } {
    const { dtype, shape, start } = this.place(name)
    const { rows, elements } = rowsOf(shape)
    if (from < 0 || count < 0 || from + count > rows) throw new RangeError(`${name}: rows ${from} to ${from + count} of ${rows}.`)
    const rowBytes = elements * DTYPE_BYTES[dtype]
    const bytes = this.read(start + from * rowBytes, start + (from + count) * rowBytes)
    this.longestRead = Math.max(this.longestRead, bytes.length)
    return { shape, values: floatsOf({ dtype, shape, bytes }) }
  }

  /** int8 with scales is the starter's, whose files are read whole. */
  getQuantized(): undefined {
    return undefined
  }

  private place(name: string) {
    const place = this.header.tensors.get(name)
    if (!place) throw new AppError('weights-corrupt', `${this.file} has no tensor ${name}.`, { file: this.file, tensor: name })
    return place
  }
}
