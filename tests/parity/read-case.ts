// A parity case on disk: config.json, weights.safetensors, io.safetensors (in.*, out.*) and case.json.
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { basename, join } from 'node:path'
import { weightSource, type WeightSource } from '../../workers/models/weight-source'
import { blobSource } from '../../workers/weights/byte-source'
import { elementsOf, floatsOf, openSafetensors, type Safetensors } from '../../workers/weights/safetensors'
import { TensorReader } from '../../workers/weights/tensor-reader'
import { openTensorTable } from '../../workers/weights/safetensors-table'

/** A tensor on the host; ids, masks and floats alike are f32, which holds them exactly. */
export interface HostTensor {
  shape: readonly number[]
  values: Float32Array
}

/** The contents of a case. */
export interface ParityCase {
  name: string
  folder: string
  className: string
  call: string
  config: Record<string, unknown>
  scalars: Record<string, unknown>
  inputs: Map<string, HostTensor>
  outputs: Map<string, HostTensor>
}

/** Every folder with a case.json at or below `folder`, in order of name. */
export function findCases(folder: string): string[] {
  if (!existsSync(folder) || !statSync(folder).isDirectory()) return []
  if (existsSync(join(folder, 'case.json'))) return [folder]
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name)
    .sort()
    .flatMap((name) => findCases(join(folder, name)))
}

/** Reads everything but the weights. Throws when a file is missing or not readable. */
export function readCase(folder: string): ParityCase {
  const { call, scalars } = readJson(join(folder, 'case.json'))
  // the folder of a pipeline may have no config, only those of its parts
  const pipeline = (scalars as Record<string, unknown> | undefined)?.['frame_index'] === undefined ? 'LTXPipeline' : 'LTXConditionPipeline'
  const config = existsSync(join(folder, 'config.json')) ? readJson(join(folder, 'config.json')) : { _class_name: call === 'denoise' ? pipeline : '' }
  const io = readTensors(join(folder, 'io.safetensors'))
  const named = (prefix: string) => new Map(io.names.filter((name) => name.startsWith(prefix)).map((name) => [name.slice(prefix.length), toHost(io, name)]))
  return {
    name: basename(folder),
    folder,
    className: String(config['_class_name']),
    call: String(call),
    config,
    scalars: (scalars ?? {}) as Record<string, unknown>,
    inputs: named('in.'),
    outputs: named('out.'),
  }
}

/** The weights of a case, or of one of a pipeline case's parts. */
export function readWeights(folder: string): WeightSource {
  return weightSource(readTensors(join(folder, 'weights.safetensors')))
}

/** The same, read from the file like the weights of a large model. */
export async function openWeights(folder: string): Promise<TensorReader> {
  const path = join(folder, 'weights.safetensors')
  return new TensorReader(await openTensorTable(new AbortController().signal, blobSource(path, new Blob([readFileSync(path)]))))
}

/** A JSON file that holds an object. */
export function readJson(path: string): Record<string, unknown> {
  return JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>
}

/** A required input of the call. */
export function need(parityCase: ParityCase, name: string): HostTensor {
  const tensor = parityCase.inputs.get(name)
  if (!tensor) throw new Error(`io.safetensors has no in.${name}`)
  return tensor
}

function readTensors(path: string): Safetensors {
  return openSafetensors(new Uint8Array(readFileSync(path)), path)
}

function toHost(file: Safetensors, name: string): HostTensor {
  const tensor = file.tensor(name)
  const { shape, dtype } = tensor
  if (dtype === 'I64') return { shape, values: Float32Array.from(elementsOf(tensor, dtype), Number) }
  if (dtype === 'I32' || dtype === 'I8' || dtype === 'U8') return { shape, values: Float32Array.from(elementsOf(tensor, dtype)) }
  return { shape, values: floatsOf(tensor) }
}

/** How the engine computes: f32 throughout, f16 activations, or int8 / int4 weights in the linear layers of a transformer or T5. */
export const PRECISIONS = ['f32', 'f16', 'q8', 'q4'] as const
export type Precision = (typeof PRECISIONS)[number]

/** Outputs of a call, by name. */
export type Outputs = ReadonlyMap<string, HostTensor>
