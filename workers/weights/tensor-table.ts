// The tensors of model files by name: the header is read first, the tensors' bytes on demand.
import * as v from 'valibot'
import { AppError } from '../../src/shared/errors'
import { MAX_FILE_BYTES, misfitError, parseFields, readJson } from '../../src/shared/file-bounds'
import { readWhole, type ByteSource } from './byte-source'
import { DTYPE_BYTES, headerLength, LENGTH_BYTES, parseSafetensorsHeader, type Dtype, type SafetensorsHeader } from './safetensors-header'

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
  /**
   * The bytes of `count` rows of a tensor that is in `entries`, `first` on.
   * @throws what the ByteSource throws
   */
  rows(signal: AbortSignal, name: string, first: number, count: number): Promise<Uint8Array<ArrayBuffer>>
}

/** Files by their paths: on a server, on the user's disk or in OPFS. */
export interface FileFolder {
  /** @throws AppError weights-missing */
  open(signal: AbortSignal, path: string): Promise<ByteSource>
}

/** The number of a tensor's rows, and of the elements of one row. */
export function rowsOf(shape: readonly number[]): { rows: number; elements: number } {
  const [rows = 1, ...rest] = shape
  return { rows, elements: rest.reduce((product, size) => product * size, 1) }
}

/**
 * Reads the header of a safetensors file.
 * @throws AppError weights-corrupt, and what the source throws
 */
export async function readSafetensorsHeader(signal: AbortSignal, source: ByteSource): Promise<SafetensorsHeader> {
  const first = await source.read(signal, 0, Math.min(LENGTH_BYTES, source.bytes))
  const end = LENGTH_BYTES + headerLength(first, source.bytes, source.name)
  return parseSafetensorsHeader(await source.read(signal, LENGTH_BYTES, end), source.bytes, source.name)
}

/** Opens one safetensors file. @throws as readSafetensorsHeader */
export async function openTensorTable(signal: AbortSignal, source: ByteSource): Promise<TensorTable> {
  const { metadata, tensors } = await readSafetensorsHeader(signal, source)
  const entries = new Map([...tensors].sort((a, b) => a[1].start - b[1].start))
  return {
    name: source.name,
    metadata,
    entries,
    async rows(signal, name, first, count) {
      const tensor = entries.get(name)
      if (!tensor) throw new RangeError(`${source.name} has no tensor ${name}.`)
      const rowBytes = rowsOf(tensor.shape).elements * DTYPE_BYTES[tensor.dtype]
      return source.read(signal, tensor.start + first * rowBytes, tensor.start + (first + count) * rowBytes)
    },
  }
}

const IndexSchema = v.object({ weight_map: v.record(v.string(), v.pipe(v.string(), v.regex(/^[\w.-]+\.safetensors$/))) })

/**
 * Opens the weights of a part of a model in diffusers' layout: one file, or several files with an index.
 * @param part the part's folder, without a closing slash: `transformer`, `text_encoder`
 * @param stem of its files' names: `diffusion_pytorch_model` in diffusers, `model` in transformers
 * @throws AppError weights-missing, weights-corrupt
 */
export async function openPartTable(signal: AbortSignal, folder: FileFolder, part: string, stem: string): Promise<TensorTable> {
  const indexPath = `${part}/${stem}.safetensors.index.json`
  let index: ByteSource
  try {
    index = await folder.open(signal, indexPath)
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== 'weights-missing') throw error
    return openTensorTable(signal, await folder.open(signal, `${part}/${stem}.safetensors`))
  }
  const weightMap = parseIndex(await readWhole(signal, index, MAX_FILE_BYTES.index), indexPath)
  const tables = new Map<string, TensorTable>()
  for (const file of [...new Set(weightMap.values())].sort()) {
    tables.set(file, await openTensorTable(signal, await folder.open(signal, `${part}/${file}`)))
  }
  return joinTables(indexPath, weightMap, tables)
}

/** The tensors of several files, each from the file that the index gives it. */
function joinTables(indexPath: string, weightMap: ReadonlyMap<string, string>, tables: ReadonlyMap<string, TensorTable>): TensorTable {
  const entries = new Map<string, TableEntry>()
  for (const [file, table] of tables) {
    for (const [name, entry] of table.entries) if (weightMap.get(name) === file) entries.set(name, entry)
  }
  for (const [name, file] of weightMap) {
    if (!entries.has(name))
      throw new AppError('weights-corrupt', `${indexPath}: expected ${name} in ${file}, which has no such tensor; download both again.`, {
        file: indexPath,
        tensor: name,
      })
  }
  const tableOf = (name: string): TensorTable => {
    const table = tables.get(weightMap.get(name) ?? '')
    if (!table) throw new RangeError(`${indexPath} lists no tensor ${name}.`)
    return table
  }
  return {
    name: indexPath,
    metadata: [...tables.values()][0]?.metadata ?? {},
    entries,
    rows: (signal, name, first, count) => tableOf(name).rows(signal, name, first, count),
  }
}

function parseIndex(bytes: Uint8Array, path: string): Map<string, string> {
  const { weight_map: files } = parseFields(IndexSchema, readJson(bytes, MAX_FILE_BYTES.index, path), (misfit) =>
    misfitError('weights-corrupt', path, `${path} is not an index of safetensors files`, misfit),
  )
  return new Map(Object.entries(files))
}
