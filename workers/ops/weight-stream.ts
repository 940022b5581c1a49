// How a model asks for its weights: it names all that a part needs, and gets them on the GPU when they are there.
// Whoever reads them may do so in the order in which they lie, a piece at a time, and never has the file in memory.
import type { Scope } from '../engine/scope'
import type { Tensor } from '../engine/tensor'
import { linearShapes } from './quantize'
import type { LinearWeight, WeightFormat } from './linear-weight'

/** A linear layer, `<name>.weight` [out, in] and its bias [out] if it has one; or a vector or table under that very name, f32 on the GPU. */
export type WeightRequest =
  | { kind: 'linear'; name: string; out: number; in: number; format: WeightFormat }
  | { kind: 'floats'; name: string; shape: readonly number[] }

/** What was asked for, by name. */
export interface LoadedWeights {
  linear: Map<string, LinearWeight>
  floats: Map<string, Tensor>
}

/** One of them. */
export function loadedWeight({ linear, floats }: LoadedWeights, { kind, name }: WeightRequest): LinearWeight | Tensor {
  return kind === 'linear' ? found(linear, name) : found(floats, name)
}

/** Hears of each weight as soon as it is on its way to the GPU; what it returns is waited for. */
export type OnLoaded = (request: WeightRequest, weight: LinearWeight | Tensor) => Promise<void> | void

/** Weights that are read when they are asked for. */
export interface WeightStream {
  /** Is there a tensor of this name? */
  has(name: string): boolean
  /** Is this matrix stored as int8, with a scale a row? */
  isInt8(name: string): boolean
  /**
   * Puts weights into the scope. Dispatched work may still be running when it returns.
   * @throws AppError weights-corrupt when one is missing, or has another shape or dtype than asked for
   */
  read(signal: AbortSignal, scope: Scope, requests: readonly WeightRequest[], onLoaded?: OnLoaded): Promise<LoadedWeights>
  /** A small tensor's values, in memory. @throws AppError weights-corrupt */
  floats(signal: AbortSignal, name: string, shape: readonly number[]): Promise<Float32Array<ArrayBuffer>>
  /** Single rows of a table, in the order of `ids`: f32 [ids, width]. The table itself is never read. */
  rows(signal: AbortSignal, name: string, ids: Uint32Array): Promise<Float32Array<ArrayBuffer>>
}

/** From what a model builds itself: every weight is on the GPU already. */
export interface WeightTaker {
  has(name: string): boolean
  isInt8(name: string): boolean
  linear(name: string, out: number, inner: number, format: WeightFormat): LinearWeight
  floats(name: string, shape: readonly number[]): Tensor
}

/**
 * What a part of a model needs, without reading any of it. `build` runs on stand-ins without memory, and must not dispatch.
 * @returns each weight once, in the order of asking
 */
export function requestsOf(weights: Pick<WeightStream, 'has' | 'isInt8'>, build: (take: WeightTaker) => unknown): WeightRequest[] {
  const requests = new Map<string, WeightRequest>()
  const standIn = (shape: readonly number[]): Tensor => ({ shape, dtype: 'f32', buffer: undefined as unknown as GPUBuffer })
  build({
    has: (name) => weights.has(name),
    isInt8: (name) => weights.isInt8(name),
    linear(name, out, inner, format) {
      requests.set(name, { kind: 'linear', name, out, in: inner, format })
      return { format, out, in: inner, data: standIn(linearShapes(out, inner, format).data.shape) }
    },
    floats(name, shape) {
      requests.set(name, { kind: 'floats', name, shape })
      return standIn(shape)
    },
  })
  return [...requests.values()]
}

/** Reads all that a part of a model needs, then builds it. */
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
    has: (name) => weights.has(storedName(name)),
    isInt8: (name) => weights.isInt8(storedName(name)),
    floats: (signal, name, shape) => weights.floats(signal, storedName(name), shape),
    rows: (signal, name, ids) => weights.rows(signal, storedName(name), ids),
    async read(signal, scope, requests, onLoaded) {
      const asked = new Map(requests.map((request) => [storedName(request.name), request]))
      const renamed = requests.map((request) => ({ ...request, name: storedName(request.name) }))
      const own = (stored: string): WeightRequest => found(asked, stored)
      const loaded = await weights.read(signal, scope, renamed, onLoaded && (({ name }, weight) => onLoaded(own(name), weight)))
      const back = <W>(map: Map<string, W>) => new Map([...map].map(([stored, weight]) => [own(stored).name, weight]))
      return { linear: back(loaded.linear), floats: back(loaded.floats) }
    },
  }
}

function found<T>(map: ReadonlyMap<string, T>, name: string): T {
  const value = map.get(name)
  if (value === undefined) throw new Error(`weights: ${name} is not among what was read.`)
  return value
}
