// Weights that are in memory as a whole, for whoever reads them as a stream.
import type { Scope } from '../engine/scope'
import { loadedWeight, type LoadedWeights, type WeightStream, type WeightTaker } from '../ops/weight-stream'
import { loadFloats, loadLinear } from './load-linear'
import { getShaped, type WeightSource } from './weight-source'

/** Uploads at once what a model takes. */
export function takeFrom(scope: Scope, weights: WeightSource): WeightTaker {
  return {
    has: (name) => weights.has(name),
    isInt8: (name) => weights.getQuantized(name) !== undefined,
    linear: (name, out, inner, format) => loadLinear(scope, weights, name, out, inner, format),
    floats: (name, shape) => loadFloats(scope, weights, name, shape),
  }
}

/** The stream of a file that is in memory. */
export function streamInMemory(weights: WeightSource): WeightStream {
  return {
    has: (name) => weights.has(name),
    isInt8: (name) => weights.getQuantized(name) !== undefined,
    async read(signal, scope, requests, onLoaded) {
      const take = takeFrom(scope, weights)
      const loaded: LoadedWeights = { linear: new Map(), floats: new Map() }
      for (const request of requests) {
        signal.throwIfAborted()
        const { name } = request
        if (request.kind === 'linear') loaded.linear.set(name, take.linear(name, request.out, request.in, request.format))
        else loaded.floats.set(name, take.floats(name, request.shape))
        await onLoaded?.(request, loadedWeight(loaded, request))
      }
      return loaded
    },
    floats: (_signal, name, shape) => Promise.resolve(Float32Array.from(getShaped(weights, name, shape))),
    rows(_signal, name, ids) {
      const { shape, values } = weights.get(name)
      const width = shape[1] ?? 0
      const rows = new Float32Array(ids.length * width)
      ids.forEach((id, place) => rows.set(values.subarray(id * width, (id + 1) * width), place * width))
      return Promise.resolve(rows)
    },
  }
}
