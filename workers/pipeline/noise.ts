// Gaussian noise from a seed. Counter-based, so element i depends on (seed, stream, i) alone: a longer clip begins with the
// same noise, and no generator state has to be stored with a job.

const ROUNDS = 10
const MULTIPLIER_0 = 0xd2511f53
const MULTIPLIER_1 = 0xcd9e8d57
const KEY_STEP_0 = 0x9e3779b9
const KEY_STEP_1 = 0xbb67ae85

/** What a seed's streams are for: a step's fresh noise is stream `step` (from 1 on), the i-th condition's is `condition` + i. */
export const NOISE_STREAM = { start: 0, condition: 0x10000, decode: 0x20000 } as const

/** The high 32 bits of a 32×32-bit product. */
function multiplyHigh(a: number, b: number): number {
  const aLow = a & 0xffff
  const aHigh = a >>> 16
  const bLow = b & 0xffff
  const bHigh = b >>> 16
  const middle = aHigh * bLow + ((aLow * bLow) >>> 16)
  const carry = aLow * bHigh + (middle & 0xffff)
  return (aHigh * bHigh + Math.floor(middle / 0x10000) + Math.floor(carry / 0x10000)) >>> 0
}

/** Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", 2011): four u32 from a counter and a key. */
export function philox(counter: readonly [number, number, number, number], key: readonly [number, number]): [number, number, number, number] {
  let [c0, c1, c2, c3] = counter
  let [k0, k1] = key
  for (let round = 0; round < ROUNDS; round++) {
    const high0 = multiplyHigh(MULTIPLIER_0, c0)
    const low0 = Math.imul(MULTIPLIER_0, c0) >>> 0
    const high1 = multiplyHigh(MULTIPLIER_1, c2)
    const low1 = Math.imul(MULTIPLIER_1, c2) >>> 0
    c0 = (high1 ^ c1 ^ k0) >>> 0
    c1 = low1
    c2 = (high0 ^ c3 ^ k1) >>> 0
    c3 = low0
    k0 = (k0 + KEY_STEP_0) >>> 0
    k1 = (k1 + KEY_STEP_1) >>> 0
  }
  return [c0, c1, c2, c3]
}

/**
 * `count` normal values (mean 0, variance 1) for a u32 seed: Box–Muller on Philox.
 * @param stream u32: draws of one seed that must not repeat each other, see {@link NOISE_STREAM}
 */
export function gaussianNoise(seed: number, count: number, stream: number = NOISE_STREAM.start): Float32Array<ArrayBuffer> {
  const out = new Float32Array(Math.ceil(count / 4) * 4)
  for (let block = 0; block * 4 < count; block++) {
    const words = philox([block >>> 0, 0, 0, 0], [seed >>> 0, stream >>> 0])
    for (const pair of [0, 2] as const) {
      const radius = Math.sqrt(-2 * Math.log((words[pair] + 0.5) / 0x1_0000_0000))
      const angle = (2 * Math.PI * (words[pair + 1] as number)) / 0x1_0000_0000
      out[block * 4 + pair] = radius * Math.cos(angle)
      out[block * 4 + pair + 1] = radius * Math.sin(angle)
    }
  }
  return out.slice(0, count)
}
