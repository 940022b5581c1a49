// First-block caching: where the first block changes the tokens almost as it did before, the other blocks are taken to add what they
// added then. The idea is ParaAttention's (github.com/chengzeyi/ParaAttention, "First Block Cache"), in the form that diffusers gives it
// (hooks/first_block_cache.py): what is compared with is the last evaluation that ran whole, so that small changes do not add up unseen.
import { withScope, type Scope } from '../engine/scope'
import type { Tensor } from '../engine/tensor'
import type { Evaluation, LtxTransformer } from '../models/ltx/transformer'
import { l1Sums, relativeL1 } from '../ops/relative-l1'
import { add, subtract } from '../ops/elementwise'
import { untilAborted } from '../engine/until-aborted'

/** Of the last evaluation that ran whole, f32 [B, N, D]: what the first block added to the tokens, and what all others did. */
interface Kept {
  first: Tensor
  others: Tensor
}

/** An evaluation whose first block has run. */
interface Opened {
  evaluation: Evaluation
  /** f32 [B, N, D], in the cache's scope */
  first: Tensor
  /** what l1Sums says of it and the kept one, where there is one */
  change: Tensor | undefined
}

/** Of one stream of evaluations, such as those of the negative prompt. What it keeps belongs to the scope that it is given. */
export class FirstBlockCache {
  /** whether the last evaluation went without the other blocks */
  skipped = false
  private kept: Kept | undefined

  /** @param threshold relative change (L1) of what the first block adds up to which the others are left out */
  constructor(
    private readonly scope: Scope,
    private readonly transformer: LtxTransformer,
    private readonly threshold: number,
  ) {}

  /**
   * One evaluation, with a read-back of a few bytes unless it is the first.
   * @param begin of the transformer, into the scope it is given
   * @returns the velocity, in `scope`
   * @throws the signal's reason
   */
  evaluate(signal: AbortSignal, scope: Scope, begin: (scope: Scope) => Evaluation): Promise<Tensor> {
    return withScope(scope.gpu, async (inner) => {
      const opened = this.open(begin(inner))
      const change = opened.change ? relativeL1(await untilAborted(signal, scope.gpu.read(opened.change))) : NaN
      this.skipped = change <= this.threshold // what is not a number is a reason to run the blocks
      return this.skipped ? this.reuse(scope, opened) : this.finish(scope, opened)
    })
  }

  /** Dispatches both ways of an evaluation, for their kernels. */
  rehearse(scope: Scope, begin: (scope: Scope) => Evaluation): void {
    scope.within((inner) => this.finish(inner, this.open(begin(inner))))
    scope.within((inner) => this.reuse(inner, this.open(begin(inner))))
  }

  private open(evaluation: Evaluation): Opened {
    const { scope, x } = evaluation
    const before = copyOf(scope, x)
    this.transformer.runBlocks(evaluation, 0, 1)
    const first = subtract(this.scope, x, before)
    scope.free(before)
    return { evaluation, first, change: this.kept && l1Sums(scope, first, this.kept.first) }
  }

  private reuse(scope: Scope, { evaluation, first }: Opened): Tensor {
    this.scope.free(first)
    const { others } = this.kept as Kept
    return this.transformer.velocity(scope, { ...evaluation, x: add(evaluation.scope, evaluation.x, others) })
  }

  private finish(scope: Scope, { evaluation, first }: Opened): Tensor {
    if (this.kept) for (const tensor of [this.kept.first, this.kept.others]) this.scope.free(tensor)
    this.kept = undefined
    const before = copyOf(evaluation.scope, evaluation.x)
    this.transformer.runBlocks(evaluation, 1)
    this.kept = { first, others: subtract(this.scope, evaluation.x, before) }
    return this.transformer.velocity(scope, evaluation)
  }
}

/** Blocks write into the tokens that they are given. */
function copyOf(scope: Scope, x: Tensor): Tensor {
  return scope.slice(x, 0, x.shape)
}
