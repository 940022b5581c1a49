// Estimates generation times from the measured time of one transformer block at a few token counts. Pure.

/** Time of one block after warm-up. */
export interface BlockTime {
  tokens: number
  ms: number
}

/** Measurements and operation counts of a model on an adapter. */
export interface ModelTimes {
  /** sorted by token count, ascending */
  measured: readonly BlockTime[]
  /** hidden size D of the transformer */
  width: number
  blocks: number
  /** floating-point operations of the decoder per latent pixel */
  decoderFlops: number
  /** free GPU memory in bytes, up to the tested maximum */
  budgetBytes: number
}

/** Time of a block in ms = a + b·tokens + c·tokens²; all coefficients are ≥ 0. */
export interface TimeCurve {
  a: number
  b: number
  c: number
  /** token count of the largest measurement; the curve extrapolates beyond it */
  maxTokens: number
}

/** Amount of work of a clip. */
export interface ClipWork {
  /** number of tokens */
  tokens: number
  steps: number
  /** forward passes per step, see {@link forwardPassesOf} */
  evaluations: number
}

/** An estimate is rough beyond this multiple of the largest measured token count. */
const ROUGH_FACTOR = 4

/** FLOPs of one block per token: 14 matrices of D × D (the keys and values of the text are computed once), 2 FLOPs per weight. */
const linearFlops = (width: number) => 28 * width ** 2
/** FLOPs of self-attention per pair of tokens. */
const pairFlops = (width: number) => 4 * width

/** Forward passes of the transformer per step: one, plus one with guidance, plus one with spatio-temporal guidance. */
export function forwardPassesOf({ guidance, stgScale = 0 }: { guidance: number; stgScale?: number }): number {
  return 1 + (guidance > 1 ? 1 : 0) + (stgScale > 0 ? 1 : 0)
}

/**
 * Fits the curve by least squares of the relative errors. With too few measurements, or token counts too small for attention to matter,
 * attention is assumed to run at the FLOP rate of the matrix products.
 */
export function fitBlockTimes({ measured, width }: Pick<ModelTimes, 'measured' | 'width'>): TimeCurve {
  const maxTokens = Math.max(0, ...measured.map(({ tokens }) => tokens))
  if (measured.length === 0 || maxTokens === 0) throw new RangeError('fitBlockTimes: expected at least one measurement, got none.')
  const flopRatio = pairFlops(width) / linearFlops(width) // c / b at one FLOP rate
  const attentionMatters = maxTokens * flopRatio > 0.25
  // basis functions of the token count; with too few measurements, b and c are coupled
  const fitsAll = measured.length >= 3 && attentionMatters
  const terms: ((tokens: number) => number)[] = fitsAll ? [() => 1, (n) => n, (n) => n * n] : [() => 1, (n) => n + flopRatio * n * n]
  const candidates = measured.length === 1 ? [[1]] : subsets(terms.length)
  let best: { error: number; weights: number[] } | undefined
  for (const chosen of candidates) {
    const rows = measured.map(({ tokens, ms }) => chosen.map((index) => (terms[index] as (n: number) => number)(tokens) / ms))
    const solved = leastSquares(rows)
    if (!solved || solved.some((weight) => !(weight >= 0))) continue
    const error = rows.reduce((sum, row) => sum + (row.reduce((at, value, index) => at + value * (solved[index] as number), 0) - 1) ** 2, 0)
    if (best && best.error <= error) continue
    best = { error, weights: terms.map((_, index) => solved[chosen.indexOf(index)] ?? 0) }
  }
  const [a = 0, b = 0, c = 0] = best?.weights ?? []
  return { a, b, c: fitsAll ? c : b * flopRatio, maxTokens }
}

/** Time of one block in milliseconds. */
export function blockMs({ a, b, c }: TimeCurve, tokens: number): number {
  return a + b * tokens + c * tokens ** 2
}

/** Generation time of a clip in seconds, without loading and compilation; `rough` if it has many more tokens than were measured. */
export function clipSeconds(times: ModelTimes, { tokens, steps, evaluations }: ClipWork): { seconds: number; rough: boolean } {
  const curve = fitBlockTimes(times)
  const denoising = blockMs(curve, tokens) * times.blocks * steps * evaluations
  // assumes that the decoder runs at the FLOP rate of the largest measurement
  const { maxTokens } = curve
  const { width } = times
  const flopsPerMs = (linearFlops(width) * maxTokens + pairFlops(width) * maxTokens ** 2) / blockMs(curve, maxTokens)
  const decoding = (times.decoderFlops * tokens) / flopsPerMs
  return { seconds: (denoising + decoding) / 1000, rough: tokens > ROUGH_FACTOR * maxTokens }
}

/** All non-empty subsets of 0 … count − 1. */
function subsets(count: number): number[][] {
  return Array.from({ length: 2 ** count - 1 }, (_, bits) => Array.from({ length: count }, (_, index) => index).filter((index) => ((bits + 1) >> index) & 1))
}

/** Solves rows·w ≈ 1 by least squares (normal equations, Gaussian elimination); undefined if the solution is not unique. */
function leastSquares(rows: readonly (readonly number[])[]): number[] | undefined {
  const count = rows[0]?.length ?? 0
  if (rows.length < count) return undefined
  const at = (row: readonly number[], index: number) => row[index] as number
  // normalized columns: the magnitudes of 1 and n² differ too much
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

/** Reads stored measurements by key; invalid entries are dropped. An entry of an earlier version has `roomBytes` in place of `budgetBytes`. Pure. */
export function readTimes(stored: unknown): [key: string, times: ModelTimes][] {
  if (!Array.isArray(stored)) return []
  return stored.flatMap((entry: unknown) => {
    if (!Array.isArray(entry) || typeof entry[0] !== 'string') return []
    const { roomBytes, ...fields } = (entry[1] ?? {}) as Partial<ModelTimes> & { roomBytes?: number }
    const times = { budgetBytes: roomBytes, ...fields }
    const numbers = [times.width, times.blocks, times.decoderFlops, times.budgetBytes]
    const valid = numbers.every((value) => typeof value === 'number') && Array.isArray(times.measured) && times.measured.length > 0
    return valid ? [[entry[0], times as ModelTimes]] : []
  })
}
