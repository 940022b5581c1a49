// The tensors of model files by name, whatever the format of the file: the header is read first, the tensors' bytes on demand.
import type { Dtype } from './safetensors-header'

/** A tensor as it is read: row-major elements of `dtype`. A vector's rows are its elements. */
export interface TableEntry {
  dtype: Dtype
  shape: readonly number[]
}

/** Named tensors, read by rows. */
export interface TensorTable {
  /** for errors */
  readonly name: string
  /** free text of the file, or of the first of several: `__metadata__` */
  readonly metadata: Readonly<Record<string, string>>
  /** in file order */
  readonly entries: ReadonlyMap<string, TableEntry>
  /** the dtypes of tensors that Kinora cannot read, by the tensors' names; they are not in `entries` */
  readonly unreadable?: ReadonlyMap<string, string>
  /**
   * The bytes of `count` rows of a tensor that is in `entries`, `first` on.
   * @throws what the ByteSource throws
   */
  rows(signal: AbortSignal, name: string, first: number, count: number): Promise<Uint8Array<ArrayBuffer>>
}

/** The number of a tensor's rows, and of the elements of one row. */
export function rowsOf(shape: readonly number[]): { rows: number; elements: number } {
  const [rows = 1, ...rest] = shape
  return { rows, elements: rest.reduce((product, size) => product * size, 1) }
}
