// Quantiles of the symmetric beta distribution, for schedules spaced by them (Lee et al., 2024: Beta Sampling is All You Need).

/**
 * The x in 0 … 1 below which a share `p` of Beta(a, a) lies.
 * @param a over 0
 */
export function betaQuantile(p: number, a: number): number {
  if (p <= 0 || p >= 1) return p <= 0 ? 0 : 1
  if (p > 0.5) return 1 - betaQuantile(1 - p, a)
  const half = 2 * lowerTail(0.5, a)
  let [low, high] = [0, 0.5]
  // the tail rises steeply and the quantile may be tiny, so halve until neighbouring numbers meet
  for (;;) {
    const middle = (low + high) / 2
    if (middle <= low || middle >= high) return middle
    if (lowerTail(middle, a) / half < p) low = middle
    else high = middle
  }
}

/** The incomplete beta function B(x; a, a), for x ≤ ½, by its continued fraction in Lentz's form. */
function lowerTail(x: number, a: number): number {
  const TINY = 1e-300
  let c = 1
  let d = 1 / (1 - (2 * a * x) / (a + 1) || TINY)
  let fraction = d
  for (let m = 1; m < 300; m++) {
    const even = (m * (a - m) * x) / ((a + 2 * m - 1) * (a + 2 * m))
    const odd = (-(a + m) * (2 * a + m) * x) / ((a + 2 * m) * (a + 2 * m + 1))
    let change = 1
    for (const term of [even, odd]) {
      d = 1 / (1 + term * d || TINY)
      c = 1 + term / c || TINY
      change = c * d
      fraction *= change
    }
    if (Math.abs(change - 1) < 1e-16) break
  }
  return (x ** a * (1 - x) ** a * fraction) / a
}
