// Tensors read in pieces, the next piece while one is in use. The memory that pieces take is counted.
import { AppError } from '../../src/shared/errors'
import { floatsOf, noTensor } from './safetensors'
import { DTYPE_BYTES, type Dtype } from './safetensors-header'
import { rowsOf, type TableEntry, type TensorTable } from './tensor-table'

/** Bytes of the largest piece. */
export const MAX_PIECE_BYTES = 64 * 2 ** 20
/** Bytes of a usual piece: enough that the latency of a request does not matter. */
const PIECE_BYTES = 16 * 2 ** 20
/** Single rows that are requested at once. */
const ROWS_AT_ONCE = 8

/** Dtypes that a table's floats have; scaled-table.ts makes these of others. */
const FLOATS: readonly Dtype[] = ['F32', 'F16', 'BF16', 'F8_E4M3']

/** Some rows of a tensor; its bytes may be overwritten or dropped after use. */
export interface Piece {
  first: number
  bytes: Uint8Array<ArrayBuffer>
}

/** Pieces and bytes in memory: now, and at most so far. */
export interface Held {
  pieces: number
  bytes: number
  peakPieces: number
  peakBytes: number
}

/** Reads a table's tensors. */
export class TensorReader {
  readonly held: Held = { pieces: 0, bytes: 0, peakPieces: 0, peakBytes: 0 }
  /** positions of the tensors in the table's order */
  private readonly positions: ReadonlyMap<string, number>

  constructor(
    readonly table: TensorTable,
    private readonly pieceBytes = PIECE_BYTES,
  ) {
    this.positions = new Map([...table.entries.keys()].map((name, index) => [name, index]))
  }

  has(name: string): boolean {
    return this.positions.has(name)
  }

  /** @throws AppError weights-corrupt when there is no such tensor */
  entry(name: string): TableEntry {
    const entry = this.table.entries.get(name)
    if (!entry) throw noTensor(this.table.name, name, this.table.unreadable?.get(name))
    return entry
  }

  /** Items in the order of their tensors in the files; items without a tensor come last. */
  inOrder<T>(items: readonly T[], nameOf: (item: T) => string): T[] {
    const position = (item: T) => this.positions.get(nameOf(item)) ?? Infinity
    return items
      .map((item) => [position(item), item] as const)
      .sort((a, b) => (a[0] === b[0] ? 0 : a[0] - b[0]))
      .map(([, item]) => item)
  }

  /**
   * A tensor's rows in order, in pieces of a multiple of `multiple` rows except the last. At most two pieces are in memory: the one
   * in use, which is released when the next one is requested, and the next one.
   */
  async *pieces(signal: AbortSignal, name: string, multiple = 1): AsyncGenerator<Piece, void> {
    const { dtype, shape } = this.entry(name)
    const { rows, elements } = rowsOf(shape)
    const rowBytes = elements * DTYPE_BYTES[dtype]
    const step = Math.max(1, Math.floor(this.pieceBytes / (rowBytes * multiple))) * multiple
    if (Math.min(step, rows) * rowBytes > MAX_PIECE_BYTES) {
      throw new AppError('weights-corrupt', `${this.table.name}: expected rows of ${name} of at most ${MAX_PIECE_BYTES / multiple} bytes, got ${rowBytes}.`, {
        tensor: name,
      })
    }
    const open = (first: number) => (first < rows ? this.hold(signal, name, first, Math.min(step, rows - first), rowBytes) : undefined)
    let next = open(0)
    let using: HeldPiece | undefined
    try {
      for (let first = 0; next; first += step) {
        using = next
        const bytes = await using.bytes
        next = open(first + step)
        yield { first, bytes }
        using.release()
      }
    } finally {
      using?.release()
      await next?.bytes.catch(() => undefined)
      next?.release()
    }
  }

  /** A small tensor's values as f32. @throws AppError weights-corrupt when its shape differs or its dtype is no float */
  async floats(signal: AbortSignal, name: string, shape: readonly number[]): Promise<Float32Array<ArrayBuffer>> {
    const { rows, elements } = rowsOf(shape)
    const whole = new Float32Array(rows * elements)
    for await (const { first, values } of this.floatPieces(signal, name, shape)) whole.set(values, first * elements)
    return whole
  }

  /** A tensor's rows in order as f32, in pieces. @throws as floats, before anything is read */
  async *floatPieces(signal: AbortSignal, name: string, shape: readonly number[]): AsyncGenerator<{ first: number; values: Float32Array<ArrayBuffer> }, void> {
    this.requireFloats(name, shape)
    const entry = this.entry(name)
    for await (const { first, bytes } of this.pieces(signal, name)) yield { first, values: this.toFloats(name, entry, bytes) }
  }

  /** Single rows of a table, in the order of `ids`: f32 [ids, width]. Each distinct row is read once. */
  async rows(signal: AbortSignal, name: string, ids: Uint32Array): Promise<Float32Array<ArrayBuffer>> {
    const entry = this.entry(name)
    const { rows, elements } = rowsOf(entry.shape)
    const outside = ids.find((id) => id >= rows)
    if (outside !== undefined) throw new RangeError(`${name}: expected rows below ${rows}, got ${outside}.`)
    const found = new Map<number, Float32Array>()
    const wanted = [...new Set(ids)].sort((a, b) => a - b)
    for (let at = 0; at < wanted.length; at += ROWS_AT_ONCE) {
      await Promise.all(
        wanted.slice(at, at + ROWS_AT_ONCE).map(async (id) => {
          found.set(id, this.toFloats(name, entry, await this.table.rows(signal, name, id, 1)))
        }),
      )
    }
    const values = new Float32Array(ids.length * elements)
    ids.forEach((id, index) => values.set(found.get(id) as Float32Array, index * elements))
    return values
  }

  /** @throws AppError weights-corrupt when there is no such tensor, or it has another shape */
  requireShape(name: string, shape: readonly number[]): void {
    const entry = this.entry(name)
    if (entry.shape.join() !== shape.join()) throw this.misfit(name, `shape [${shape.join(', ')}]`, `[${entry.shape.join(', ')}]`)
  }

  /** @throws AppError weights-corrupt when `floats` would throw: there is no such tensor, or it has another shape or holds no floats */
  requireFloats(name: string, shape: readonly number[]): void {
    this.requireShape(name, shape)
    const { dtype } = this.entry(name)
    if (!FLOATS.includes(dtype)) throw this.misfit(name, 'F32, F16, BF16 or F8_E4M3', dtype)
  }

  /** The error for a weight that does not fit the model. */
  misfit(name: string, expected: string, got: string): AppError {
    return new AppError('weights-corrupt', `${this.table.name}: the weight ${name} does not fit: expected ${expected}, got ${got}.`, {
      file: this.table.name,
      tensor: name,
      expected,
      found: got,
    })
  }

  private toFloats(name: string, { dtype, shape }: TableEntry, bytes: Uint8Array<ArrayBuffer>): Float32Array<ArrayBuffer> {
    if (!FLOATS.includes(dtype)) throw this.misfit(name, 'F32, F16, BF16 or F8_E4M3', dtype)
    return floatsOf({ dtype, shape, bytes })
  }

  /** Starts to read a piece, and counts it until it is released. */
  private hold(signal: AbortSignal, name: string, first: number, count: number, rowBytes: number): HeldPiece {
    const { held } = this
    held.pieces++
    held.bytes += count * rowBytes
    held.peakPieces = Math.max(held.peakPieces, held.pieces)
    held.peakBytes = Math.max(held.peakBytes, held.bytes)
    let released = false
    const bytes = this.table.rows(signal, name, first, count)
    bytes.catch(() => undefined) // awaited later, in order
    return {
      bytes,
      release() {
        if (released) return
        released = true
        held.pieces--
        held.bytes -= count * rowBytes
      },
    }
  }
}

interface HeldPiece {
  bytes: Promise<Uint8Array<ArrayBuffer>>
  release(): void
}
