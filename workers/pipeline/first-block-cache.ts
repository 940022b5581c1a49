// First-block cache: where the first block's residual is almost that of an earlier step, the other blocks' residual is reused too. From
// ParaAttention (github.com/chengzeyi/ParaAttention, "First Block Cache"), as in diffusers' hooks/first_block_cache.py: it compares with
// the last forward pass that ran all blocks, so that small changes do not add up unnoticed.
import { withScope, type Scope } from '../engine/scope'
import type { Tensor } from '../engine/tensor'
import type { ForwardPass, VideoTransformer } from '../models/architecture'
import { l1Sums, relativeL1 } from '../ops/relative-l1'
import { add, subtract } from '../ops/elementwise'
import { untilAborted } from '../engine/until-aborted'

/** Residuals of the last forward pass that ran all blocks, f32 [B, N, D]: the first block's, and that of all others. */
interface Residuals {
  first: Tensor
  others: Tensor
}

/** A forward pass whose first block has run. */
interface Opened {
  pass: ForwardPass
  /** f32 [B, N, D], in the cache's scope */
  first: Tensor
  /** l1Sums of it and the cached one, where there is one */
  sums: Tensor | undefined
}

/** For one stream of forward passes, such as those of the negative prompt. The residuals belong to the scope that it is given. */
export class FirstBlockCache {
  /** whether the last forward pass skipped the other blocks */
  skipped = false
  private cached: Residuals | undefined

  /** @param threshold relative L1 distance of the first block's residual up to which the others are skipped */
  constructor(
    private readonly scope: Scope,
    private readonly transformer: VideoTransformer,
    private readonly threshold: number,
  ) {}

  /**
   * One forward pass, with a read-back of a few bytes unless it is the first.
   * @param begin of the transformer, into the scope it is given
   * @returns the velocity, in `scope`
   * @throws the signal's reason
   */
  evaluate(signal: AbortSignal, scope: Scope, begin: (scope: Scope) => ForwardPass): Promise<Tensor> {
    return withScope(scope.gpu, async (inner) => {
      const opened = this.open(begin(inner))
      const distance = opened.sums ? relativeL1(await untilAborted(signal, scope.gpu.read(opened.sums))) : NaN
      this.skipped = distance <= this.threshold // false for NaN: the blocks run
      return this.skipped ? this.reuse(scope, opened) : this.finish(scope, opened)
    })
  }

  /** Dispatches both ways of a forward pass, so that their kernels compile. */
  warmUp(scope: Scope, begin: (scope: Scope) => ForwardPass): void {
    scope.within((inner) => this.finish(inner, this.open(begin(inner))))
    scope.within((inner) => this.reuse(inner, this.open(begin(inner))))
  }

  private open(pass: ForwardPass): Opened {
    const { scope, x } = pass
    const before = copyOf(scope, x)
    this.transformer.runBlocks(pass, 0, 1)
    const first = subtract(this.scope, x, before)
    scope.free(before)
    return { pass, first, sums: this.cached && l1Sums(scope, first, this.cached.first) }
  }

  private reuse(scope: Scope, { pass, first }: Opened): Tensor {
    this.scope.free(first)
    const { others } = this.cached as Residuals
    return this.transformer.velocity(scope, { ...pass, x: add(pass.scope, pass.x, others) })
  }

  private finish(scope: Scope, { pass, first }: Opened): Tensor {
    if (this.cached) for (const tensor of [this.cached.first, this.cached.others]) this.scope.free(tensor)
    this.cached = undefined
    const before = copyOf(pass.scope, pass.x)
    this.transformer.runBlocks(pass, 1)
    this.cached = { first, others: subtract(this.scope, pass.x, before) }
    return this.transformer.velocity(scope, pass)
  }
}

/** Blocks add to the tokens in place. */
function copyOf(scope: Scope, x: Tensor): Tensor {
  return scope.slice(x, 0, x.shape)
}
