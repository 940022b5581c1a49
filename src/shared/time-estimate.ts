// How long a clip takes here, from how long one transformer block took for a few numbers of tokens. Pure.

/** One block, warm. */
export interface BlockTime {
  tokens: number
  ms: number
}

/** What was measured of a model on an adapter, and what is counted of it. */
export interface ModelTimes {
  /** fewest tokens first */
  measured: readonly BlockTime[]
  /** D */
  width: number
  blocks: number
  /** floating-point operations of the decoder for each place of the latent */
  decoderFlops: number
  /** memory that the GPU gives beside what it holds, as far as it was tried */
  budgetBytes: number
}

/** ms of a block = a + b·tokens + c·tokens², none of them negative. */
export interface TimeCurve {
  a: number
  b: number
  c: number
  /** tokens of the largest measurement: beyond, the curve is a guess */
  most: number
}

/** What a clip asks of a model. */
export interface ClipWork {
  /** places of its latent: a token each */
  tokens: number
  steps: number
  /** evaluations a step: see evaluationsOf */
  evaluations: number
}

/** Beyond so many times the largest measured number of tokens, an estimate is said to be rough. */
const FAR = 4

/** Multiplications and additions of one block for each token: 14 matrices of D × D (the text's keys and values are not of a step), 2 each. */
const linearFlops = (width: number) => 28 * width ** 2
/** Of its attention to itself for each pair of tokens. */
const pairFlops = (width: number) => 4 * width

/** How often a step runs the transformer: once, once more with guidance, and once more with spatio-temporal guidance. */
export function evaluationsOf({ guidance, stgScale = 0 }: { guidance: number; stgScale?: number }): number {
  return 1 + (guidance > 1 ? 1 : 0) + (stgScale > 0 ? 1 : 0)
}

/**
 * The curve nearest to the measurements, by least squares of relative errors. Where they are too few, or too short for attention
 * to show, attention is taken to run at the matrices' rate.
 */
export function fitBlockTimes({ measured, width }: Pick<ModelTimes, 'measured' | 'width'>): TimeCurve {
  const most = Math.max(0, ...measured.map(({ tokens }) => tokens))
  if (measured.length === 0 || most === 0) throw new RangeError('fitBlockTimes: expected at least one measurement, got none.')
  const usual = pairFlops(width) / linearFlops(width) // c to b, at one rate
  const shows = most * usual > 0.25
  // functions of the number of tokens that are added up; without enough measurements b and c go together
  const whole = measured.length >= 3 && shows
  const terms: ((tokens: number) => number)[] = whole ? [() => 1, (n) => n, (n) => n * n] : [() => 1, (n) => n + usual * n * n]
  const usable = measured.length === 1 ? [[1]] : subsets(terms.length)
  let best: { error: number; weights: number[] } | undefined
  for (const chosen of usable) {
    const rows = measured.map(({ tokens, ms }) => chosen.map((index) => (terms[index] as (n: number) => number)(tokens) / ms))
    const solved = leastSquares(rows)
    if (!solved || solved.some((weight) => !(weight >= 0))) continue
    const error = rows.reduce((sum, row) => sum + (row.reduce((at, value, index) => at + value * (solved[index] as number), 0) - 1) ** 2, 0)
    if (best && best.error <= error) continue
    best = { error, weights: terms.map((_, index) => solved[chosen.indexOf(index)] ?? 0) }
  }
  const [a = 0, b = 0, c = 0] = best?.weights ?? []
  return { a, b, c: whole ? c : b * usual, most }
}

/** Milliseconds of one block. */
export function blockMs({ a, b, c }: TimeCurve, tokens: number): number {
  return a + b * tokens + c * tokens ** 2
}

/** Seconds of a clip, loading and compiling left out; `rough` where it asks for many more tokens than were measured. */
export function clipSeconds(times: ModelTimes, { tokens, steps, evaluations }: ClipWork): { seconds: number; rough: boolean } {
  const curve = fitBlockTimes(times)
  const denoising = blockMs(curve, tokens) * times.blocks * steps * evaluations
  // the decoder's convolutions at the rate of the largest measurement
  const { most, width } = { ...curve, width: times.width }
  const flopsPerMs = (linearFlops(width) * most + pairFlops(width) * most ** 2) / blockMs(curve, most)
  const decoding = (times.decoderFlops * tokens) / flopsPerMs
  return { seconds: (denoising + decoding) / 1000, rough: tokens > FAR * most }
}

/** Every choice of some of 0 … count − 1. */
function subsets(count: number): number[][] {
  return Array.from({ length: 2 ** count - 1 }, (_, bits) => Array.from({ length: count }, (_, index) => index).filter((index) => ((bits + 1) >> index) & 1))
}

/** The weights w for which rows·w comes nearest to ones; undefined when there is no one answer. Normal equations, by elimination. */
function leastSquares(rows: readonly (readonly number[])[]): number[] | undefined {
  const count = rows[0]?.length ?? 0
  if (rows.length < count) return undefined
  const at = (row: readonly number[], index: number) => row[index] as number
  // columns of one size: n² beside 1 would leave nothing of the difference
  const sizes = Array.from({ length: count }, (_, i) => Math.sqrt(rows.reduce((sum, row) => sum + at(row, i) ** 2, 0)))
  const column = (row: readonly number[], index: number) => at(row, index) / at(sizes, index)
  const matrix = sizes.map((_, i) => [
    ...sizes.map((_, j) => rows.reduce((sum, row) => sum + column(row, i) * column(row, j), 0)),
    rows.reduce((sum, row) => sum + column(row, i), 0),
  ])
  for (let pivot = 0; pivot < count; pivot++) {
    const own = matrix[pivot] as number[]
    if (Math.abs(at(own, pivot)) < 1e-12) return undefined
    for (const [index, row] of matrix.entries()) {
      if (index === pivot) continue
      const factor = at(row, pivot) / at(own, pivot)
      for (let k = pivot; k <= count; k++) row[k] = at(row, k) - factor * at(own, k)
    }
  }
  return matrix.map((row, index) => at(row, count) / at(row, index) / at(sizes, index))
}
