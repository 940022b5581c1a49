// Guidance: a velocity that is pushed away from others, in one pass over the latent.
import code from '../../shaders/guidance.wgsl?raw'
import { f32 } from '../engine/command-queue'
import type { Scope } from '../engine/scope'
import { elementCount, type Tensor } from '../engine/tensor'
import { dispatchElements } from './dispatch-groups'

/** Of one element, in the submit budget's operations. */
const FLOPS = 10

/** The velocities to push away from. All tensors are f32 in the shape of the guided one. */
export interface Guides {
  /** velocity of the negative or empty prompt (classifier-free guidance), and the guidance scale: 1 changes nothing */
  unconditional?: Tensor
  guidance?: number
  /** velocity of the perturbed model (spatio-temporal guidance), and its scale: 0 changes nothing */
  perturbed?: Tensor
  stg?: number
}

/** unconditional + guidance·(v − unconditional) + stg·(v − perturbed), f32 in the velocity's shape. */
export function guideVelocity(scope: Scope, velocity: Tensor, { unconditional, guidance = 1, perturbed, stg = 0 }: Guides): Tensor {
  const count = elementCount(velocity.shape)
  for (const tensor of [velocity, unconditional, perturbed]) {
    if (tensor && (tensor.dtype !== 'f32' || elementCount(tensor.shape) !== count)) {
      throw new Error(`guideVelocity: expected f32 tensors of [${velocity.shape.join(', ')}], got ${tensor.dtype} [${tensor.shape.join(', ')}].`)
    }
  }
  const y = scope.alloc(velocity.shape, 'f32')
  dispatchElements(scope.gpu, {
    source: { name: 'guidance', code },
    prelude: { HAS_UNCONDITIONAL: unconditional !== undefined, HAS_PERTURBED: perturbed !== undefined },
    tensors: [velocity, y, unconditional ?? velocity, perturbed ?? velocity], // a binding that is not read needs a buffer, too
    uniforms: [f32(guidance), f32(stg)],
    count,
    flops: FLOPS,
  })
  return y
}
