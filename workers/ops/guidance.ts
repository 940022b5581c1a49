// What steers a velocity besides the prompt, in one pass over the latent.
import code from '../../shaders/guidance.wgsl?raw'
import { f32, u32 } from '../engine/command-queue'
import type { Scope } from '../engine/scope'
import { elementCount, type Tensor } from '../engine/tensor'
import { dispatchGroups } from './dispatch-groups'

const WORKGROUP = 64
/** Arithmetic of one element, in the submit budget's operations. */
const COST = 10

/** What a velocity is pushed away from. All tensors are f32 in its shape. */
export interface Guides {
  /** the velocity of other words, and how far away from it: 1 is the velocity itself */
  unconditional?: Tensor
  guidance?: number
  /** the velocity of a perturbed model (spatio-temporal guidance), and how far away from it: 0 is the velocity itself */
  perturbed?: Tensor
  stg?: number
}

/** away + guidance·(v − away) + stg·(v − perturbed), f32 in the velocity's shape. */
export function guideVelocity(scope: Scope, velocity: Tensor, { unconditional, guidance = 1, perturbed, stg = 0 }: Guides): Tensor {
  const count = elementCount(velocity.shape)
  for (const tensor of [velocity, unconditional, perturbed]) {
    if (tensor && (tensor.dtype !== 'f32' || elementCount(tensor.shape) !== count)) {
      throw new Error(`guideVelocity: expected f32 tensors of [${velocity.shape.join(', ')}], got ${tensor.dtype} [${tensor.shape.join(', ')}].`)
    }
  }
  const y = scope.alloc(velocity.shape, 'f32')
  dispatchGroups(scope.gpu.queue, {
    kernel: scope.gpu.kernels.get({ name: 'guide_velocity', code }, { HAS_AWAY: unconditional !== undefined, HAS_WEAKENED: perturbed !== undefined }),
    tensors: [velocity, y, unconditional ?? velocity, perturbed ?? velocity], // what is not read still has to be bound: v stands in
    uniforms: [u32(count), f32(guidance), f32(stg)],
    groups: Math.ceil(count / WORKGROUP),
    flopsPerGroup: WORKGROUP * COST,
  })
  return y
}
