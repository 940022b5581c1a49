import { f32, u32 } from '../engine/command-queue'
import type { AdapterFacts } from '../engine/device'
import type { KernelSource, Prelude } from '../engine/kernel'
import { tuningSize, type Candidate } from '../engine/kernel-selector'
import type { Scope } from '../engine/scope'
import { dim, elementCount, type FloatDType, type Tensor } from '../engine/tensor'
import code from '../../shaders/attention.wgsl?raw'
import noSmemCode from '../../shaders/attention_no_smem.wgsl?raw'
import params from '../../shaders/lib/attention_params.wgsl?raw'
import { dispatchGroups } from './dispatch-groups'

export interface AttentionOptions {
  heads: number
  /** u32 [B, M]: 1 = keep; all keys by default */
  mask?: Tensor
  /** default 1/√d */
  scale?: number
  /** f32 [H, N + M − 1]: added to the scaled score of query n and key m, for each head, at m − n + N − 1 */
  distanceBias?: Tensor
  /** the selector's by default */
  variant?: AttentionVariant
}

/**
 * 'no_smem' uses no workgroup memory, for software adapters, where that is ordinary memory. The others stage tiles in workgroup memory: 'tiled'
 * stages queries and keys for each tile, 'tiled_resident_q' keeps the queries there for all keys, 'tiled_128' has twice the invocations for twice
 * the keys and keeps half floats as they are.
 */
export type AttentionVariant = 'no_smem' | 'tiled' | 'tiled_resident_q' | 'tiled_128'

/** How a variant divides one head size among a workgroup; see the shaders. */
interface Layout {
  source: KernelSource
  /** the variant's own prelude */
  prelude: Prelude
  /** queries of a workgroup */
  queries: number
  /** keys at a time */
  keys: number
  /** vec4s staged for the scores, and keys staged for the sums */
  staged: number
  valueKeys: number
  /** of workgroup memory */
  bytes: number
}

const NO_SMEM: KernelSource = { name: 'attention_no_smem', code: noSmemCode, libs: [params] }
const TILED: KernelSource = { name: 'attention', code, libs: [params] }

/** The layout of a head of d = 4·`head`. 'no_smem' has up to 6 KiB of arrays an invocation; WGSL allows 8. */
function layout(variant: AttentionVariant, head: number, dtype: FloatDType): Layout {
  if (variant === 'no_smem') {
    const workgroup = 8
    const keys = 64
    return { source: NO_SMEM, prelude: { WG: workgroup, KEYS: keys }, queries: 8 * workgroup, keys, staged: 0, valueKeys: 0, bytes: 0 }
  }
  const resident = variant === 'tiled_resident_q'
  const large = variant === 'tiled_128'
  const workgroup = large ? 128 : 64
  const tx = large || head > 16 ? 8 : 4 // fewer queries of heads over 64, so that the results fit in registers
  const [queries, keys] = [(workgroup / tx) * 4, tx * 4]
  const chunk = resident ? head : !large && head > 16 ? 8 : head % 6 === 0 ? 6 : 4
  const rows = (resident ? 0 : queries) + keys
  const stride = chunk | 1
  const valueKeys = 16 * head <= rows * stride ? 16 : 8
  const held: FloatDType = large ? dtype : 'f32'
  const heldBytes = (rows * stride + (resident ? queries * stride : 1)) * (held === 'f16' ? 8 : 16)
  return {
    source: TILED,
    prelude: { held, RESIDENT: resident, WG: workgroup, TX: tx, CHUNK: chunk, VALUE_KEYS: valueKeys },
    queries,
    keys,
    staged: rows * chunk,
    valueKeys,
    bytes: heldBytes + 16 * (keys * (workgroup / tx) + workgroup),
  }
}

/**
 * The variants that this adapter supports for heads of this size, the fixed table's first. The others are for tuning: a GPU hides reads behind
 * other workgroups, of which fewer fit the more memory each uses, and 'no_smem' needs more registers than a GPU has.
 */
export function attentionVariants({ software, workgroupBytes }: AdapterFacts, headSize: number, dtype: FloatDType): AttentionVariant[] {
  const order: AttentionVariant[] = software ? ['no_smem', 'tiled_resident_q', 'tiled', 'tiled_128'] : ['tiled', 'tiled_128', 'tiled_resident_q', 'no_smem']
  return order.filter((variant) => layout(variant, headSize / 4, dtype).bytes <= workgroupBytes)
}

/** The fixed table's variant. It fits into 16 KiB of workgroup memory, which every adapter has. */
function fixedVariant(facts: AdapterFacts, headSize: number, dtype: FloatDType): AttentionVariant {
  return attentionVariants(facts, headSize, dtype)[0] ?? 'tiled'
}

/** The fixed table's kernel by name, such as 'attention-f32-d64-64x16-tiled'. */
export function attentionKernel(facts: AdapterFacts, headSize: number, dtype: FloatDType): string {
  const variant = fixedVariant(facts, headSize, dtype)
  const { queries, keys } = layout(variant, headSize / 4, dtype)
  return `attention-${dtype}-d${headSize}-${queries}x${keys}-${variant}`
}

/** This work for the selector. */
function candidateOf(scope: Scope, q: Tensor, k: Tensor, dtype: FloatDType, o: AttentionOptions): Candidate {
  const [batch = 0, queries = 0, width = 0] = q.shape
  const keys = dim(k, 1)
  const read = [...(o.mask ? ['mask'] : []), ...(o.distanceBias ? ['bias'] : [])]
  return {
    key: ['attention', dtype, `B ${batch}`, `N ${tuningSize(queries)}`, `M ${tuningSize(keys)}`, `${o.heads} × ${width / o.heads}`, ...read].join(' '),
    variants: attentionVariants(scope.gpu.facts, width / o.heads, dtype),
    flops: 4 * batch * queries * keys * width,
    run: (variant) =>
      scope.within((temporary) => {
        const [ownQ, ownK, ownV] = [q, k, k].map(({ shape }) => temporary.alloc(shape, dtype)) as [Tensor, Tensor, Tensor]
        attention(temporary, ownQ, ownK, ownV, { ...o, variant: variant as AttentionVariant })
      }),
  }
}

/**
 * softmax(q·kᵀ·scale + bias + mask)·v for each head, in tiles with an online softmax: no memory grows with N·M.
 * q: [B, N, H·d], k, v: [B, M, H·d], all f32 or all f16, d a multiple of 4 up to 128; the result has q's shape.
 * The result is 0 for a query whose keys are all masked.
 */
export function attention(scope: Scope, q: Tensor, k: Tensor, v: Tensor, o: AttentionOptions): Tensor {
  const [batch = 0, queries = 0, width = 0] = q.shape
  const keys = dim(k, 1)
  const headSize = width / o.heads
  if (q.shape.length !== 3 || !Number.isInteger(headSize) || headSize % 4 !== 0 || headSize > 128) {
    throw new Error(`attention: expected q [B, N, ${o.heads}·d], d a multiple of 4 up to 128, got [${q.shape.join(', ')}].`)
  }
  for (const [name, tensor] of [
    ['k', k],
    ['v', v],
  ] as const) {
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
  const dtype = q.dtype === 'f16' ? 'f16' : 'f32'
  const variant = o.variant ?? (scope.gpu.selector.select(candidateOf(scope, q, k, dtype, o)) as AttentionVariant)
  const { source, prelude, queries: blockSize, staged, valueKeys, bytes } = layout(variant, head, dtype)
  if (bytes > facts.workgroupBytes) {
    throw new Error(`attention: ${variant} with d = ${headSize} needs ${bytes} bytes of workgroup memory, this device has ${facts.workgroupBytes}.`)
  }
  const result = scope.alloc(q.shape, q.dtype)
  if (elementCount(q.shape) === 0) return result

  const blocks = Math.ceil(queries / blockSize)
  dispatchGroups(scope.gpu, {
    source,
    prelude: { elem: dtype, OUT_F16: dtype === 'f16', HAS_MASK: o.mask !== undefined, HAS_BIAS: o.distanceBias !== undefined, HEAD: head, ...prelude },
    tensors: [q, k, v, o.mask ?? q, result, o.distanceBias ?? q], // a binding that is not read needs a buffer, too: q
    uniforms: [
      u32(queries),
      u32(keys),
      u32(o.heads),
      u32(blocks),
      f32((o.scale ?? 1 / Math.sqrt(headSize)) * Math.LOG2E),
      u32(head),
      u32(staged),
      u32(valueKeys),
    ],
    groups: blocks * o.heads * batch,
    flopsPerGroup: 4 * blockSize * keys * headSize,
  })
  return result
}
