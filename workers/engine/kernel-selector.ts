// Which of its kernels an op takes for some work: the one of its fixed table, or the one that was found fastest on this adapter.
import type { Scope } from './scope'

/** Work that several kernels can do. */
export interface Candidate {
  /** the op, its types and sizes: work with equal keys is the same work */
  key: string
  /** kernels that can do it and differ in rounding alone, the fixed table's first */
  menu: readonly string[]
  /** kernels that give somewhat other numbers: for those who looked how far the whole is off with them */
  approximate?: readonly string[]
  /** floating-point operations of one run */
  flops: number
  /** dispatches the work once with one of them, on operands whose values are not defined */
  run(scope: Scope, kernel: string): void
}

/** All kernels of a menu. */
export function kernelsOf({ menu, approximate = [] }: Pick<Candidate, 'menu' | 'approximate'>): string[] {
  return [...menu, ...approximate]
}

/** The choices of one job: none but the fixed table's until something is chosen. */
export class KernelSelector {
  private readonly chosen = new Map<string, string>()
  private noted: Map<string, Candidate> | undefined

  /** @param preferred kernels that are taken, the first that can do it, for work that nothing else was chosen for */
  constructor(private readonly preferred: readonly string[] = []) {}

  /** The kernel for this work. */
  choose(trial: Candidate): string {
    const kernels = kernelsOf(trial)
    if (this.noted && kernels.length > 1 && !this.noted.has(trial.key)) this.noted.set(trial.key, trial)
    const wanted = [this.chosen.get(trial.key), ...this.preferred]
    return wanted.find((kernel) => kernel !== undefined && kernels.includes(kernel)) ?? (trial.menu[0] as string)
  }

  /** From now on work of this key is done by this kernel, where it can do it. */
  set(key: string, kernel: string): void {
    this.chosen.set(key, kernel)
  }

  has(key: string): boolean {
    return this.chosen.has(key)
  }

  /** All work with more than one kernel that `run` dispatches. */
  note(run: () => void): Candidate[] {
    const noted = (this.noted = new Map<string, Candidate>())
    try {
      run()
    } finally {
      this.noted = undefined
    }
    return [...noted.values()]
  }
}

/** The nearest power of √2: what is fastest for a clip of 362 tokens is so for one of 320. */
export function tuningSize(size: number): number {
  return Math.round(2 ** (Math.round(2 * Math.log2(Math.max(1, size))) / 2))
}
