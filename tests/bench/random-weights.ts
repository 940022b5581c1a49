// Weights of no model, the same for both sides: made by name and shape when they are asked for, and kept nowhere.
import type { WeightSource } from '../../workers/models/weight-source'
import type { WeightRequest } from '../../workers/ops/weight-stream'
import { randomSource } from '../gpu/reference'

/** A matrix [out, in] that keeps the size of what it is multiplied with. Uniform, for speed. */
export function randomMatrix(seed: number, out: number, inner: number): Float32Array {
  const next = randomSource(seed)
  const reach = Math.sqrt(3 / inner)
  const values = new Float32Array(out * inner)
  for (let i = 0; i < values.length; i++) values[i] = (2 * next() - 1) * reach
  return values
}

/** Gains are about one, everything else that is no matrix is small. @param requests what the model asks for */
export function randomWeights(requests: readonly WeightRequest[]): WeightSource {
  const shapes = new Map<string, readonly number[]>()
  for (const request of requests) {
    if (request.kind === 'floats') shapes.set(request.name, request.shape)
    else {
      shapes.set(`${request.name}.weight`, [request.out, request.in])
      shapes.set(`${request.name}.bias`, [request.out])
    }
  }
  return {
    has: (name) => shapes.has(name),
    get(name) {
      const shape = shapes.get(name)
      if (!shape) throw new Error(`randomWeights: ${name} was not asked for.`)
      const [out = 0, inner = 0] = shape
      if (shape.length === 2 && name.endsWith('.weight')) return { shape, values: randomMatrix(seedOf(name), out, inner) }
      const next = randomSource(seedOf(name))
      const centre = /norm.*\.weight$/.test(name) ? 1 : 0
      return { shape, values: Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => centre + 0.1 * (2 * next() - 1)) }
    },
    getQuantized: () => undefined,
  }
}

/** FNV-1a: http://www.isthe.com/chongo/tech/comp/fnv/ */
function seedOf(name: string): number {
  let hash = 0x811c9dc5
  for (const letter of name) hash = Math.imul(hash ^ letter.charCodeAt(0), 0x01000193)
  return hash >>> 0
}
