// Times become vectors: sinusoids of 128 frequencies, then a small MLP. PixArt-α's, as LTX-Video uses it.
import type { Scope } from '../engine/scope'
import type { Tensor } from '../engine/tensor'
import { linear, type LinearWeight, type WeightFormat } from '../ops/linear'
import type { WeightTaker } from '../ops/weight-stream'
import { streamLinear, type StreamLoader } from './float-stream'

/** Numbers a time is first spread over: cosines, then sines. */
const SINUSOIDS = 256
const MAX_PERIOD = 10000

/** The MLP over sinusoids of a time. */
export interface TimestepEmbedder {
  first: LinearWeight
  second: LinearWeight
}

/** Takes `<prefix>.linear_1` and `<prefix>.linear_2`. */
export function takeTimestepEmbedder(take: WeightTaker, prefix: string, width: number, format: WeightFormat): TimestepEmbedder {
  return {
    first: take.linear(`${prefix}.linear_1`, width, SINUSOIDS, format),
    second: take.linear(`${prefix}.linear_2`, width, width, format),
  }
}

/** The same from weights that are read as they are needed, in f32. */
export async function streamTimestepEmbedder(loader: StreamLoader, prefix: string, width: number): Promise<TimestepEmbedder> {
  return {
    first: await streamLinear(loader, `${prefix}.linear_1`, width, SINUSOIDS),
    second: await streamLinear(loader, `${prefix}.linear_2`, width, width),
  }
}

/** Embeds times (the transformer's are 0 … 1000): [U] → f32 [U, D]. */
export function embedTimesteps(scope: Scope, embedder: TimestepEmbedder, times: Float32Array): Tensor {
  const x = scope.upload(sinusoids(times), [times.length, SINUSOIDS], 'f32') // [U, 256]
  const hidden = linear(scope, x, embedder.first, { activation: 'silu' }) // [U, D]
  return linear(scope, hidden, embedder.second) // [U, D]
}

/** [U] → [U, 256]: cosines of time·frequency, then sines. Rounded to f32 where the reference rounds; sin and cos in double. */
export function sinusoids(times: Float32Array): Float32Array {
  const half = SINUSOIDS / 2
  const out = new Float32Array(times.length * SINUSOIDS)
  for (let i = 0; i < half; i++) {
    const exponent = Math.fround(Math.fround(Math.fround(-Math.log(MAX_PERIOD)) * i) / half)
    const frequency = Math.fround(Math.exp(exponent))
    times.forEach((time, row) => {
      const angle = Math.fround(time * frequency)
      out[row * SINUSOIDS + i] = Math.cos(angle)
      out[row * SINUSOIDS + half + i] = Math.sin(angle)
    })
  }
  return out
}

/** The distinct times, and for each token which of them is its own. */
export interface TimestepRows {
  /** [U] */
  times: Float32Array
  /** [B·N] */
  rowOf: Uint32Array
}

/**
 * Finds the distinct times, so that only those go through the MLP.
 * @param timesteps one for all tokens, one for each of the B clips, or one for each of the B·N tokens
 */
export function timestepRows(timesteps: Float32Array, batch: number, tokens: number): TimestepRows {
  const repeat = (batch * tokens) / timesteps.length
  if (![1, batch, batch * tokens].includes(timesteps.length)) {
    throw new RangeError(`timesteps: expected 1, ${batch} or ${batch * tokens} of them, got ${timesteps.length}.`)
  }
  const rows = new Map<number, number>()
  const rowOf = new Uint32Array(batch * tokens)
  timesteps.forEach((time, index) => {
    const row = rows.get(time) ?? rows.size
    rows.set(time, row)
    rowOf.fill(row, index * repeat, (index + 1) * repeat)
  })
  return { times: Float32Array.from(rows.keys()), rowOf }
}
