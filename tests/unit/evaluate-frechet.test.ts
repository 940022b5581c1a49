import { expect, test } from 'vitest'
import { fitGaussian, frechetDistance } from '../evaluate/frechet'
import { symmetricEigen } from '../evaluate/symmetric-eigenvalues'

test('sums the squared differences of means and deviations in one dimension', () => {
  const first = { mean: [1], covariance: [[4]] }
  const second = { mean: [4], covariance: [[25]] }
  expect(frechetDistance(first, second)).toBeCloseTo((4 - 1) ** 2 + (5 - 2) ** 2, 10)
})

test('matches the closed form for covariances that do not commute', () => {
  // tr((Σ₁Σ₂)^½) of two 2×2 matrices is √(tr(Σ₁Σ₂) + 2·√det(Σ₁Σ₂)) by Cayley–Hamilton
  const first = [
    [3, 1],
    [1, 2],
  ]
  const second = [
    [1, -0.5],
    [-0.5, 4],
  ]
  const trace = 3 * 1 + 1 * -0.5 + 1 * -0.5 + 2 * 4
  const determinant = (3 * 2 - 1) * (1 * 4 - 0.25)
  const expected = 3 + 2 + 1 + 4 - 2 * Math.sqrt(trace + 2 * Math.sqrt(determinant))
  const at = (covariance: number[][]) => ({ mean: [0, 0], covariance })
  expect(frechetDistance(at(first), at(second))).toBeCloseTo(expected, 10)
  expect(frechetDistance(at(second), at(first))).toBeCloseTo(expected, 10)
})

test('is zero between a Gaussian and itself, also without variance', () => {
  const flat = {
    mean: [1, 2, 3],
    covariance: [
      [1, 1, 0],
      [1, 1, 0],
      [0, 0, 0],
    ],
  }
  expect(frechetDistance(flat, flat)).toBeCloseTo(0, 6)
})

test('fits the mean and the unbiased covariance', () => {
  const { mean, covariance } = fitGaussian([
    [1, 2],
    [3, 2],
    [5, 8],
  ])
  expect(mean).toEqual([3, 4])
  expect(covariance).toEqual([
    [4, 6],
    [6, 12],
  ])
  expect(() => fitGaussian([[1]])).toThrow('expected at least 2 clips, got 1')
})

test('returns orthonormal eigenvectors that rebuild the matrix', () => {
  const size = 24
  const matrix = Array.from({ length: size }, (_, i) => Array.from({ length: size }, (_, j) => Math.cos(1 + i * j) + (i === j ? 3 : 0)))
  const { values, vectors } = symmetricEigen(matrix)
  for (let i = 0; i < size; i++) {
    for (let j = 0; j < size; j++) {
      expect(vectors[i]!.reduce((sum, x, k) => sum + x * vectors[j]![k]!, 0)).toBeCloseTo(i === j ? 1 : 0, 10)
      expect(values.reduce((sum, value, k) => sum + value * vectors[k]![i]! * vectors[k]![j]!, 0)).toBeCloseTo(matrix[i]![j]!, 10)
    }
  }
})
