/** A square matrix, row after row. */
export type Matrix = readonly (readonly number[])[]

const MAX_SWEEPS = 60

/**
 * Eigenvalues and eigenvectors of a symmetric matrix by cyclic Jacobi rotations (Golub & Van Loan, §8.5): slow and sure, for
 * the few hundred rows that features have. `vectors[k]` belongs to `values[k]`, in no order.
 */
export function symmetricEigen(matrix: Matrix): { values: number[]; vectors: number[][] } {
  const size = matrix.length
  const a = matrix.map((row) => Float64Array.from(row))
  const vectors = matrix.map((_, k) => Float64Array.from({ length: size }, (_, i) => (i === k ? 1 : 0)))
  const total = a.reduce((sum, row) => sum + row.reduce((s, x) => s + x * x, 0), 0)
  for (let sweep = 0; sweep < MAX_SWEEPS; sweep++) {
    let outside = 0
    for (let p = 0; p < size; p++) for (let q = p + 1; q < size; q++) outside += a[p]![q]! ** 2
    if (outside <= 1e-26 * total) break
    for (let p = 0; p < size; p++) {
      for (let q = p + 1; q < size; q++) {
        const off = a[p]![q]!
        if (off === 0) continue
        const theta = (a[q]![q]! - a[p]![p]!) / (2 * off)
        const tangent = (theta >= 0 ? 1 : -1) / (Math.abs(theta) + Math.sqrt(theta * theta + 1))
        const cosine = 1 / Math.sqrt(tangent * tangent + 1)
        const sine = tangent * cosine
        for (const row of a) turn(row, p, q, cosine, sine)
        turnRows(a[p]!, a[q]!, cosine, sine)
        turnRows(vectors[p]!, vectors[q]!, cosine, sine)
      }
    }
  }
  return { values: a.map((row, k) => row[k]!), vectors: vectors.map((vector) => [...vector]) }
}

function turn(row: Float64Array, p: number, q: number, cosine: number, sine: number): void {
  const [x, y] = [row[p]!, row[q]!]
  row[p] = cosine * x - sine * y
  row[q] = sine * x + cosine * y
}

function turnRows(first: Float64Array, second: Float64Array, cosine: number, sine: number): void {
  for (let i = 0; i < first.length; i++) {
    const [x, y] = [first[i]!, second[i]!]
    first[i] = cosine * x - sine * y
    second[i] = sine * x + cosine * y
  }
}
