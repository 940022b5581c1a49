import { f32, u32 } from '../engine/command-queue'
import type { AdapterFacts, Gpu } from '../engine/device'
import type { Prelude } from '../engine/kernel'
import { tuningSize, type Trial } from '../engine/kernel-choices'
import type { Scope } from '../engine/scope'
import { dim, elementCount, type FloatDType, type Tensor } from '../engine/tensor'
import code from '../../shaders/attention.wgsl?raw'
import { dispatchGroups } from './dispatch-groups'

export interface AttentionOptions {
  heads: number
  /** u32 [B, M]: 1 = keep; without it all keys are kept */
  mask?: Tensor
  /** default 1/√d */
  scale?: number
  /** f32 [H, N + M − 1]: what the score of query n and key m gets added after scaling, for each head and distance, at m − n + N − 1 */
  distanceBias?: Tensor
  /** chosen from the adapter when not given */
  variant?: AttentionVariant
}

/** 'resident' keeps the queries in workgroup memory for all keys, where that is large enough; 'staged' brings both in for each tile. */
export type AttentionVariant = 'staged' | 'resident'

/** How one head size is laid out over a workgroup of 64; see the shader. */
interface Tiling {
  /** invocations along keys and columns, the others along queries */
  tx: number
  /** vec4s of d staged at a time for the scores */
  chunk: number
  /** keys staged at a time for the sums */
  valueKeys: number
}

/** The tiles of a head of d = 4·`head`: wide heads take fewer queries, so that the results still fit in registers. */
function tiling(head: number, variant: AttentionVariant): Tiling {
  const wide = head > 16
  const tx = wide ? 8 : 4 // 32 queries × 32 keys, or 64 × 16
  return { tx, chunk: variant === 'resident' ? head : wide ? 8 : head % 6 === 0 ? 6 : 4, valueKeys: 16 }
}

/** Bytes of workgroup memory that a head of d = 4·`head` takes with resident queries: see the shader's arrays. */
function residentBytes(head: number): number {
  const { tx } = tiling(head, 'resident')
  return 16 * ((queriesPerGroup(tx) + 4 * tx) * (head | 1) + 4 * tx * (64 / tx) + 64)
}

/**
 * The variant that `attention` takes for heads of this size. A GPU hides reads behind other workgroups, which are the fewer the more memory
 * each holds: there queries stay resident only when they are asked to.
 */
export function attentionVariant({ software, workgroupBytes }: AdapterFacts, headSize: number): AttentionVariant {
  return software && residentBytes(headSize / 4) <= workgroupBytes ? 'resident' : 'staged'
}

/** The kernel that this is, for a job's record. */
export function attentionKernel(facts: AdapterFacts, headSize: number, dtype: FloatDType): string {
  const variant = attentionVariant(facts, headSize)
  const { tx } = tiling(headSize / 4, variant)
  return `attention-${dtype}-d${headSize}-${queriesPerGroup(tx)}x${4 * tx}-${variant}`
}

/** The kernels that can do heads of this size here, the one of the fixed table first. */
export function attentionVariants(facts: AdapterFacts, headSize: number): AttentionVariant[] {
  const usual = attentionVariant(facts, headSize)
  const others = (['staged', 'resident'] as const).filter((variant) => variant !== usual)
  return [usual, ...others.filter((variant) => variant !== 'resident' || residentBytes(headSize / 4) <= facts.workgroupBytes)]
}

/** This work, for a tuner: on queries, keys and values of these sizes. */
function trialOf({ facts }: Gpu, q: Tensor, k: Tensor, o: AttentionOptions): Trial {
  const [batch = 0, queries = 0, width = 0] = q.shape
  const keys = dim(k, 1)
  const parts = [q.dtype, `B ${batch}`, `N ${tuningSize(queries)}`, `M ${tuningSize(keys)}`, `${o.heads} × ${width / o.heads}`, ...(o.mask ? ['mask'] : []), ...(o.distanceBias ? ['bias'] : [])]
  return {
    key: `attention ${parts.join(', ')}`,
    menu: attentionVariants(facts, width / o.heads),
    flops: 4 * batch * queries * keys * width,
    run(scope, kernel) {
      const [ownQ, ownK, ownV] = [q, k, k].map(({ shape, dtype }) => scope.alloc(shape, dtype)) as [Tensor, Tensor, Tensor]
      attention(scope, ownQ, ownK, ownV, { ...o, variant: kernel as AttentionVariant })
    },
  }
}

const queriesPerGroup = (tx: number): number => (64 / tx) * 4

/**
 * Patch attention: softmax(q·kᵀ·scale + bias + mask)·v for each head, in tiles with an online softmax; memory does not grow with N·M.
 * q: [B, N, H·d], k, v: [B, M, H·d], all f32 or all f16, d a multiple of 4 up to 128; the result has q's shape.
 * A query whose keys are all masked gives 0.
 */
export function attention(scope: Scope, q: Tensor, k: Tensor, v: Tensor, o: AttentionOptions): Tensor {
  const [batch = 0, queries = 0, width = 0] = q.shape
  const keys = dim(k, 1)
  const headSize = width / o.heads
  if (q.shape.length !== 3 || !Number.isInteger(headSize) || headSize % 4 !== 0 || headSize > 128) {
    throw new Error(`attention: expected q [B, N, ${o.heads}·d], d a multiple of 4 up to 128, got [${q.shape.join(', ')}].`)
  }
  for (const [name, tensor] of [['k', k], ['v', v]] as const) {
    const fits = tensor.shape.length === 3 && tensor.shape[0] === batch && tensor.shape[1] === keys && tensor.shape[2] === width
    if (!fits || tensor.dtype !== q.dtype) {
      const got = `${tensor.dtype} [${tensor.shape.join(', ')}]`
      throw new Error(`attention: expected ${name} ${q.dtype} [${batch}, ${keys}, ${width}], got ${got}.`)
    }
  }
  if (o.mask && (o.mask.dtype !== 'u32' || elementCount(o.mask.shape) !== batch * keys)) {
    throw new Error(`attention: expected mask u32 [${batch}, ${keys}], got ${o.mask.dtype} [${o.mask.shape.join(', ')}].`)
  }
  const distances = queries + keys - 1
  if (o.distanceBias && (o.distanceBias.dtype !== 'f32' || o.distanceBias.shape.join() !== `${o.heads},${distances}`)) {
    const got = `${o.distanceBias.dtype} [${o.distanceBias.shape.join(', ')}]`
    throw new Error(`attention: expected distanceBias f32 [${o.heads}, ${distances}], got ${got}.`)
  }
  const { facts } = scope.gpu
  const head = headSize / 4
  const variant = o.variant ?? (scope.gpu.choices.choose(trialOf(scope.gpu, q, k, o)) as AttentionVariant)
  if (variant === 'resident' && residentBytes(head) > facts.workgroupBytes) {
    throw new Error(`attention: resident queries of d = ${headSize} take ${residentBytes(head)} bytes of workgroup memory, this device has ${facts.workgroupBytes}.`)
  }
  const result = scope.alloc(q.shape, q.dtype)
  if (elementCount(q.shape) === 0) return result

  const tile = tiling(head, variant)
  const blockSize = queriesPerGroup(tile.tx)
  const blocks = Math.ceil(queries / blockSize)
  const prelude: Prelude = {
    elem: q.dtype,
    OUT_F16: q.dtype === 'f16',
    HAS_MASK: o.mask !== undefined,
    HAS_BIAS: o.distanceBias !== undefined,
    RESIDENT: variant === 'resident',
    HEAD: head,
    TX: tile.tx,
    CHUNK: tile.chunk,
    VALUE_KEYS: tile.valueKeys,
  }
  dispatchGroups(scope.gpu.queue, {
    kernel: scope.gpu.kernels.get({ name: 'attention', code }, prelude),
    tensors: [q, k, v, o.mask ?? q, result, o.distanceBias ?? q], // what is not read still has to be bound: q stands in
    uniforms: [
      u32(queries),
      u32(keys),
      u32(o.heads),
      u32(blocks),
      f32((o.scale ?? 1 / Math.sqrt(headSize)) * Math.LOG2E),
      u32(head),
      u32(((variant === 'resident' ? 0 : blockSize) + 4 * tile.tx) * tile.chunk),
      u32(tile.valueKeys),
    ],
    groups: blocks * o.heads * batch,
    flopsPerGroup: 4 * blockSize * keys * headSize,
  })
  return result
}
