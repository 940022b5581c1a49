// How a model gets its weights: it requests by name all that a part needs, and receives them on the GPU.
// A reader may read them in file order, a piece at a time, and never holds the whole file in memory.
import type { Scope } from '../engine/scope'
import type { Tensor } from '../engine/tensor'
import { linearShapes } from './quantize'
import type { LinearWeight, WeightFormat } from './linear-weight'

/** A linear layer, `<name>.weight` [out, in] and its bias [out] if it has one; or a vector or table of exactly this name, f32 on the GPU. */
export type WeightRequest =
  | { kind: 'linear'; name: string; out: number; in: number; format: WeightFormat }
  | { kind: 'floats'; name: string; shape: readonly number[] }

/** The requested weights by name. */
export interface LoadedWeights {
  linear: Map<string, LinearWeight>
  floats: Map<string, Tensor>
}

/** One of the loaded weights. */
export function loadedWeight({ linear, floats }: LoadedWeights, { kind, name }: WeightRequest): LinearWeight | Tensor {
  return kind === 'linear' ? found(linear, name) : found(floats, name)
}

/** Called with each weight once its upload is queued; the reader awaits the result. */
export type OnLoaded = (request: WeightRequest, weight: LinearWeight | Tensor) => Promise<void> | void

/** Weights that are read on request. */
export interface WeightStream {
  /** whether there is a tensor of this name */
  has(name: string): boolean
  /** whether this matrix is stored as int8 with a scale per row */
  isInt8(name: string): boolean
  /**
   * Allocates the requested weights in the scope. Dispatched work may still be running when it returns.
   * @throws AppError weights-corrupt when one is missing, or has another shape or dtype than requested
   */
  read(signal: AbortSignal, scope: Scope, requests: readonly WeightRequest[], onLoaded?: OnLoaded): Promise<LoadedWeights>
  /**
   * Checks by the files' headers that `read` will find these; where weights have no headers, it is not there.
   * @throws AppError weights-corrupt when one is missing, or has another shape or dtype than requested
   */
  require?(requests: readonly WeightRequest[]): void
  /** A small tensor's values, in memory. @throws AppError weights-corrupt */
  floats(signal: AbortSignal, name: string, shape: readonly number[]): Promise<Float32Array<ArrayBuffer>>
  /** Single rows of a table, in the order of `ids`: f32 [ids, width]. The table itself is never read. */
  rows(signal: AbortSignal, name: string, ids: Uint32Array): Promise<Float32Array<ArrayBuffer>>
}

/** The weights that a part of a model is built from: all are on the GPU. */
export interface WeightTaker {
  has(name: string): boolean
  isInt8(name: string): boolean
  linear(name: string, out: number, inner: number, format: WeightFormat): LinearWeight
  floats(name: string, shape: readonly number[]): Tensor
}

/**
 * The weights that a part of a model needs, without reading them. `build` runs on placeholders without memory, and must not dispatch.
 * @returns each weight once, in the order of the requests
 */
export function requestsOf(weights: Pick<WeightStream, 'has' | 'isInt8'>, build: (take: WeightTaker) => unknown): WeightRequest[] {
  const requests = new Map<string, WeightRequest>()
  const placeholder = (shape: readonly number[]): Tensor => ({ shape, dtype: 'f32', buffer: undefined as unknown as GPUBuffer })
  build({
    has: (name) => weights.has(name),
    isInt8: (name) => weights.isInt8(name),
    linear(name, out, inner, format) {
      requests.set(name, { kind: 'linear', name, out, in: inner, format })
      return { format, out, in: inner, data: placeholder(linearShapes(out, inner, format).data.shape) }
    },
    floats(name, shape) {
      requests.set(name, { kind: 'floats', name, shape })
      return placeholder(shape)
    },
  })
  return [...requests.values()]
}

/** Reads all weights that a part of a model needs, then builds it. */
export async function buildFrom<T>(signal: AbortSignal, scope: Scope, weights: WeightStream, build: (take: WeightTaker) => T): Promise<T> {
  const { linear, floats } = await weights.read(signal, scope, requestsOf(weights, build))
  return build({
    has: (name) => weights.has(name),
    isInt8: (name) => weights.isInt8(name),
    linear: (name) => found(linear, name),
    floats: (name) => found(floats, name),
  })
}

/** The same weights under other names. */
export function renamedStream(weights: WeightStream, storedName: (name: string) => string): WeightStream {
  return {
    require: (requests) => weights.require?.(requests.map((request) => ({ ...request, name: storedName(request.name) }))),
    has: (name) => weights.has(storedName(name)),
    isInt8: (name) => weights.isInt8(storedName(name)),
    floats: (signal, name, shape) => weights.floats(signal, storedName(name), shape),
    rows: (signal, name, ids) => weights.rows(signal, storedName(name), ids),
    async read(signal, scope, requests, onLoaded) {
      const requested = new Map(requests.map((request) => [storedName(request.name), request]))
      const renamed = requests.map((request) => ({ ...request, name: storedName(request.name) }))
      const own = (stored: string): WeightRequest => found(requested, stored)
      const loaded = await weights.read(signal, scope, renamed, onLoaded && (({ name }, weight) => onLoaded(own(name), weight)))
      const back = <W>(map: Map<string, W>) => new Map([...map].map(([stored, weight]) => [own(stored).name, weight]))
      return { linear: back(loaded.linear), floats: back(loaded.floats) }
    },
  }
}

function found<T>(map: ReadonlyMap<string, T>, name: string): T {
  const value = map.get(name)
  if (value === undefined) throw new Error(`weights: expected ${name} among the loaded weights, got none.`)
  return value
}
