// The sampler's arithmetic, with classifier-free guidance fused: one pass over the latent.
import guidedCode from '../../shaders/lib/velocity_guided.wgsl?raw'
import plainCode from '../../shaders/lib/velocity_plain.wgsl?raw'
import code from '../../shaders/sampler_step.wgsl?raw'
import tokensCode from '../../shaders/sampler_step_tokens.wgsl?raw'
import { f32, u32 } from '../engine/command-queue'
import type { Scope } from '../engine/scope'
import { dim, elementCount, type Tensor } from '../engine/tensor'
import { dispatchGroups } from './dispatch-groups'

const WORKGROUP = 64
/** Arithmetic of one element, in the submit budget's operations. */
const COST = 10

/** Where a step starts, and what guides it. */
export interface Guided {
  /** noise level, 1 → 0 */
  sigma: number
  /** the velocity to push away from, f32 in x's shape */
  unconditional?: Tensor
  /** how far; 1 is the velocity itself */
  guidance?: number
}

/** One Euler step: x + (sigmaNext − sigma)·v. x, velocity: f32 of one shape; the result too. */
export function eulerStep(scope: Scope, x: Tensor, velocity: Tensor, o: Guided & { sigmaNext: number }): Tensor {
  return step(scope, x, velocity, o, o.sigmaNext - o.sigma)
}

/** Where the latent would land if the velocity stayed: x − sigma·v. x, velocity: f32 of one shape; the result too. */
export function denoisedEstimate(scope: Scope, x: Tensor, velocity: Tensor, o: Guided): Tensor {
  return step(scope, x, velocity, o, -o.sigma)
}

/**
 * One step in which each token goes its own way: keep·(x + factor·v) + add·noise.
 * x, velocity, noise: f32 [..., C] of one shape; the result too
 * @param table f32 [N, 3], N = rows of x: a token's factor, keep and add; (0, 1, 0) leaves it where it is
 */
export function tokenStep(scope: Scope, x: Tensor, velocity: Tensor, table: Tensor, noise?: Tensor): Tensor {
  const count = elementCount(x.shape)
  const channels = dim(x, -1)
  for (const tensor of [x, velocity, ...(noise ? [noise] : [])]) {
    if (tensor.dtype !== 'f32' || elementCount(tensor.shape) !== count) {
      throw new Error(`token step: expected f32 tensors of [${x.shape.join(', ')}], got ${tensor.dtype} [${tensor.shape.join(', ')}].`)
    }
  }
  if (table.dtype !== 'f32' || elementCount(table.shape) !== (count / channels) * 3) {
    throw new Error(`token step: expected table f32 [${count / channels}, 3], got ${table.dtype} [${table.shape.join(', ')}].`)
  }
  const y = scope.alloc(x.shape, 'f32')
  dispatchGroups(scope.gpu.queue, {
    kernel: scope.gpu.kernels.get({ name: 'sampler_step_tokens', code: tokensCode }, { HAS_NOISE: noise !== undefined }),
    tensors: [x, velocity, y, table, noise ?? x], // what is not read still has to be bound: x stands in
    uniforms: [u32(count), u32(channels)],
    groups: Math.ceil(count / WORKGROUP),
    flopsPerGroup: WORKGROUP * COST,
  })
  return y
}

function step(scope: Scope, x: Tensor, velocity: Tensor, { unconditional: away, guidance = 1 }: Guided, factor: number): Tensor {
  const count = elementCount(x.shape)
  for (const tensor of [x, velocity, ...(away ? [away] : [])]) {
    if (tensor.dtype !== 'f32' || elementCount(tensor.shape) !== count) {
      throw new Error(`sampler step: expected f32 tensors of [${x.shape.join(', ')}], got ${tensor.dtype} [${tensor.shape.join(', ')}].`)
    }
  }
  const y = scope.alloc(x.shape, 'f32')
  const libs = [away ? guidedCode : plainCode]
  dispatchGroups(scope.gpu.queue, {
    kernel: scope.gpu.kernels.get({ name: 'sampler_step', code, libs }, { GUIDED: away !== undefined }),
    tensors: away ? [x, velocity, y, away] : [x, velocity, y],
    uniforms: [u32(count), f32(factor), f32(guidance)],
    groups: Math.ceil(count / WORKGROUP),
    flopsPerGroup: WORKGROUP * COST,
  })
  return y
}
