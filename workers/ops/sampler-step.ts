// Steps of the sampler: one pass over the latent along a velocity, which is guided already.
import code from '../../shaders/sampler_step.wgsl?raw'
import tokensCode from '../../shaders/sampler_step_tokens.wgsl?raw'
import { f32, u32 } from '../engine/command-queue'
import type { Scope } from '../engine/scope'
import { dim, elementCount, type Tensor } from '../engine/tensor'
import { dispatchElements } from './dispatch-groups'

/** Of one element, in the submit budget's operations. */
const FLOPS = 10

/** One Euler step from noise level `sigma` to `sigmaNext`: x + (sigmaNext − sigma)·v. x, velocity: f32 of one shape; the result too. */
export function eulerStep(scope: Scope, x: Tensor, velocity: Tensor, { sigma, sigmaNext }: { sigma: number; sigmaNext: number }): Tensor {
  return step(scope, x, velocity, sigmaNext - sigma)
}

/** The latent at sigma 0 if the velocity stayed constant: x − sigma·v. x, velocity: f32 of one shape; the result too. */
export function denoisedEstimate(scope: Scope, x: Tensor, velocity: Tensor, { sigma }: { sigma: number }): Tensor {
  return step(scope, x, velocity, -sigma)
}

/**
 * One step with coefficients of its own for each token: keep·(x + factor·v) + add·noise.
 * x, velocity, noise: f32 [..., C] of one shape; the result too
 * @param table f32 [N, 3], N = rows of x: a token's factor, keep and add; (0, 1, 0) leaves it unchanged
 */
export function tokenStep(scope: Scope, x: Tensor, velocity: Tensor, table: Tensor, noise?: Tensor): Tensor {
  const count = elementCount(x.shape)
  const channels = dim(x, -1)
  expectF32('token step', x, noise ? [velocity, noise] : [velocity])
  if (table.dtype !== 'f32' || elementCount(table.shape) !== (count / channels) * 3) {
    throw new Error(`token step: expected table f32 [${count / channels}, 3], got ${table.dtype} [${table.shape.join(', ')}].`)
  }
  const y = scope.alloc(x.shape, 'f32')
  dispatchElements(scope.gpu, {
    source: { name: 'sampler_step_tokens', code: tokensCode },
    prelude: { HAS_NOISE: noise !== undefined },
    tensors: [x, velocity, y, table, noise ?? x], // a binding that is not read needs a buffer, too: x
    uniforms: [u32(channels)],
    count,
    flops: FLOPS,
  })
  return y
}

function step(scope: Scope, x: Tensor, velocity: Tensor, factor: number): Tensor {
  expectF32('sampler step', x, [velocity])
  const y = scope.alloc(x.shape, 'f32')
  dispatchElements(scope.gpu, {
    source: { name: 'sampler_step', code },
    tensors: [x, velocity, y],
    uniforms: [f32(factor)],
    count: elementCount(x.shape),
    flops: FLOPS,
  })
  return y
}

function expectF32(op: string, x: Tensor, others: readonly Tensor[]): void {
  for (const tensor of [x, ...others]) {
    if (tensor.dtype !== 'f32' || elementCount(tensor.shape) !== elementCount(x.shape)) {
      throw new Error(`${op}: expected f32 tensors of [${x.shape.join(', ')}], got ${tensor.dtype} [${tensor.shape.join(', ')}].`)
    }
  }
}
