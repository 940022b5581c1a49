// The tensors of safetensors files by name: of one file, or of several with an index.
import * as v from 'valibot'
import { AppError } from '../../src/shared/errors'
import { MAX_FILE_BYTES, misfitError, parseFields, readJson } from '../../src/shared/file-bounds'
import { readWhole, type ByteSource } from './byte-source'
import { scaledTable } from './scaled-table'
import { DTYPE_BYTES, headerLength, LENGTH_BYTES, parseSafetensorsHeader, type SafetensorsHeader } from './safetensors-header'
import { rowsOf, type TableEntry, type TensorTable } from './tensor-table'

/** Files by their paths: on a server, on the user's disk or in OPFS. */
export interface FileFolder {
  /** @throws AppError weights-missing */
  open(signal: AbortSignal, path: string): Promise<ByteSource>
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

/** Opens one safetensors file that has all weights of a model; F8 tensors with scales come as the floats that they stand for. @throws as readSafetensorsHeader */
export async function openTensorTable(signal: AbortSignal, source: ByteSource): Promise<TensorTable> {
  refuseShard(source.name)
  return scaledTable(await openStoredTable(signal, source))
}

/** @throws AppError weights-corrupt when a file is one of several parts, by its name */
export function refuseShard(file: string): void {
  const [, part, parts] = /-(\d{5})-of-(\d{5})\.\w+$/.exec(file)?.map(Number) ?? []
  if (part === undefined || parts === undefined || parts < 2) return
  const expected = 'a file with all weights, or the folder of the whole model with the index of its parts'
  throw new AppError('weights-corrupt', `${file} is part ${part} of ${parts} of a model's weights; expected ${expected}.`, {
    file,
    expected,
    found: `part ${part} of ${parts}`,
  })
}

/** The tensors of one safetensors file as they are stored. */
async function openStoredTable(signal: AbortSignal, source: ByteSource): Promise<TensorTable> {
  const { metadata, tensors, unreadable } = await readSafetensorsHeader(signal, source)
  const entries = new Map([...tensors].sort((a, b) => a[1].start - b[1].start))
  return {
    name: source.name,
    metadata,
    entries,
    unreadable: new Map([...unreadable].map(([name, { dtype }]) => [name, dtype])),
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
    tables.set(file, await openStoredTable(signal, await openShard(signal, folder, part, file, indexPath)))
  }
  return scaledTable(joinTables(indexPath, weightMap, tables))
}

/** A file that an index lists. @throws AppError weights-missing naming it and the index: a model without it is incomplete, not absent */
async function openShard(signal: AbortSignal, folder: FileFolder, part: string, file: string, indexPath: string): Promise<ByteSource> {
  try {
    return await folder.open(signal, `${part}/${file}`)
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== 'weights-missing') throw error
    throw new AppError('weights-missing', `${part}/${file} is missing: ${indexPath} lists it as a part of the weights. Put it beside the other parts.`, {
      file: `${part}/${file}`,
      expected: indexPath,
    })
  }
}

/** The tensors of several files, each from the file that the index gives it. */
function joinTables(indexPath: string, weightMap: ReadonlyMap<string, string>, tables: ReadonlyMap<string, TensorTable>): TensorTable {
  const entries = new Map<string, TableEntry>()
  const unreadable = new Map<string, string>()
  for (const [file, table] of tables) {
    for (const [name, entry] of table.entries) if (weightMap.get(name) === file) entries.set(name, entry)
    for (const [name, dtype] of table.unreadable ?? []) if (weightMap.get(name) === file) unreadable.set(name, dtype)
  }
  for (const [name, file] of weightMap) {
    if (!entries.has(name) && !unreadable.has(name))
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
    unreadable,
    rows: (signal, name, first, count) => tableOf(name).rows(signal, name, first, count),
  }
}

function parseIndex(bytes: Uint8Array, path: string): Map<string, string> {
  const { weight_map: files } = parseFields(IndexSchema, readJson(bytes, MAX_FILE_BYTES.index, path), (misfit) =>
    misfitError('weights-corrupt', path, `${path} is not an index of safetensors files`, misfit),
  )
  return new Map(Object.entries(files))
}
