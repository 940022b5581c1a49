// Selects one of an op's kernel variants for some work: the first of the op's fixed table, or the one that tuning found fastest on this adapter.

/** Work that several kernel variants can do. */
export interface Candidate {
  /** op, dtypes and sizes; equal keys mean equal work */
  key: string
  /** variants whose results differ in rounding alone, the fixed table's first */
  variants: readonly string[]
  /** variants with less exact results, for callers that check the error of the whole step */
  approximate?: readonly string[]
  /** floating-point operations of one run */
  flops: number
  /** dispatches the work once with this variant, on temporary operands of undefined values */
  run(variant: string): void
}

/** All variants, the approximate ones last. */
export function allVariants({ variants, approximate = [] }: Pick<Candidate, 'variants' | 'approximate'>): string[] {
  return [...variants, ...approximate]
}

/** The variants selected for one job; the fixed table's until `set` is called. */
export class KernelSelector {
  private readonly selected = new Map<string, string>()
  private collected: Map<string, Candidate> | undefined

  /** @param preferred variants for work without a selection: the first that can do it is taken */
  constructor(private readonly preferred: readonly string[] = []) {}

  /** The variant for this work. */
  select(candidate: Candidate): string {
    const variants = allVariants(candidate)
    if (this.collected && variants.length > 1 && !this.collected.has(candidate.key)) this.collected.set(candidate.key, candidate)
    const wanted = [this.selected.get(candidate.key), ...this.preferred]
    return wanted.find((variant) => variant !== undefined && variants.includes(variant)) ?? (candidate.variants[0] as string)
  }

  /** Selects this variant for work of this key, where it can do it. */
  set(key: string, variant: string): void {
    this.selected.set(key, variant)
  }

  has(key: string): boolean {
    return this.selected.has(key)
  }

  /** The work in `run` that has more than one variant, each key once. */
  collect(run: () => void): Candidate[] {
    const collected = (this.collected = new Map<string, Candidate>())
    try {
      run()
    } finally {
      this.collected = undefined
    }
    return [...collected.values()]
  }
}

/** The nearest power of √2: the variant that is fastest for 362 tokens is also the fastest for 320. */
export function tuningSize(size: number): number {
  return Math.round(2 ** (Math.round(2 * Math.log2(Math.max(1, size))) / 2))
}
