// The Fréchet distance between two Gaussians (Dowson & Landau, 1982), as FID uses it (Heusel et al., 2017).
import { symmetricEigen, type Matrix } from './symmetric-eigenvalues'

/** A Gaussian over features: mean [D] and covariance [D, D]. */
export interface Gaussian {
  mean: readonly number[]
  covariance: Matrix
}

/** Mean and unbiased covariance of features, [n][D]; n is at least 2. */
export function fitGaussian(features: readonly ArrayLike<number>[]): Gaussian {
  const [first] = features
  if (!first || features.length < 2) throw new Error(`fitGaussian: expected at least 2 clips, got ${features.length}.`)
  const size = first.length
  const mean = Array.from({ length: size }, (_, i) => features.reduce((sum, row) => sum + row[i]!, 0) / features.length)
  const centred = features.map((row) => mean.map((value, i) => row[i]! - value))
  const covariance = mean.map((_, i) => mean.map((_, j) => centred.reduce((sum, row) => sum + row[i]! * row[j]!, 0) / (features.length - 1)))
  return { mean, covariance }
}

/** |μ₁ − μ₂|² + tr(Σ₁ + Σ₂ − 2·(Σ₁Σ₂)^½) */
export function frechetDistance(first: Gaussian, second: Gaussian): number {
  const between = first.mean.reduce((sum, value, i) => sum + (value - second.mean[i]!) ** 2, 0)
  const trace = (matrix: Matrix) => matrix.reduce((sum, row, i) => sum + row[i]!, 0)
  // Σ₁Σ₂ has the eigenvalues of R·Σ₂·R, where R·R = Σ₁, and that one is symmetric
  const root = squareRoot(first.covariance)
  const { values } = symmetricEigen(multiply(multiply(root, second.covariance), root))
  const shared = values.reduce((sum, value) => sum + Math.sqrt(Math.max(value, 0)), 0)
  return Math.max(0, between + trace(first.covariance) + trace(second.covariance) - 2 * shared)
}

/** The symmetric square root of a covariance. */
function squareRoot(matrix: Matrix): number[][] {
  const { values, vectors } = symmetricEigen(matrix)
  const roots = values.map((value) => Math.sqrt(Math.max(value, 0))) // rounding may leave a zero slightly below it
  return matrix.map((_, i) => matrix.map((_, j) => roots.reduce((sum, root, k) => sum + root * vectors[k]![i]! * vectors[k]![j]!, 0)))
}

function multiply(a: Matrix, b: Matrix): number[][] {
  return a.map((row) => row.map((_, j) => row.reduce((sum, value, k) => sum + value * b[k]![j]!, 0)))
}
