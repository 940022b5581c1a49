// Self-attention and cross-attention against the peer's fused MultiHeadAttention.
import type { FloatDType } from '../../workers/engine/tensor'
import { attention, attentionKernel } from '../../workers/ops/attention'
import { randomValues } from '../gpu/reference'
import { OnnxGraph, readBack } from './onnx-graph'
import { openOurs } from './ours'
import { sizeOf, TOLERANCE, type Row } from './row'

export interface AttentionShape {
  name: string
  /** B; 1 by default */
  batch?: number
  /** N */
  queries: number
  /** M; N by default */
  keys?: number
  heads: number
  /** d */
  headSize: number
}

/** Number of compared values: about the first token's first head. */
const COMPARED = 32

/** A row whose repetitions use the previous result as queries. */
export function attentionRow({ name, batch = 1, queries, keys = queries, heads, headSize }: AttentionShape, dtype: FloatDType): Row {
  const width = heads * headSize
  const inputs = {
    q: { shape: [batch, queries, width], values: randomValues(1, batch * queries * width) },
    k: { shape: [batch, keys, width], values: randomValues(2, batch * keys * width) },
    v: { shape: [batch, keys, width], values: randomValues(3, batch * keys * width) },
  }
  return {
    name,
    shape: `B ${batch}, N ${queries}, M ${keys}, ${heads} × ${headSize}`,
    dtype,
    flops: 4 * batch * queries * keys * width,
    bytes: 2 * batch * (queries + keys) * width * sizeOf(dtype),
    goal: keys === queries ? { gpu: 1.5, software: 1 } : { gpu: 1.2, software: 1 },
    tolerance: TOLERANCE[dtype],
    ours: (gpu) =>
      openOurs(gpu, attentionKernel(gpu.facts, headSize, dtype), (owner) => {
        const { q, k, v } = {
          q: owner.upload(inputs.q.values, inputs.q.shape, dtype),
          k: owner.upload(inputs.k.values, inputs.k.shape, dtype),
          v: owner.upload(inputs.v.values, inputs.v.shape, dtype),
        }
        return {
          values: COMPARED,
          run(scope, repetitions) {
            let x = q
            for (let i = 0; i < repetitions; i++) x = attention(scope, x, k, v, { heads })
            return x
          },
        }
      }),
    peers: () => [
      {
        kernel: 'MultiHeadAttention',
        model(repetitions) {
          const graph = new OnnxGraph()
          const [q, k, v] = (['q', 'k', 'v'] as const).map((input) => graph.input(input, dtype, inputs[input].shape)) as [string, string, string]
          let x = q
          for (let i = 0; i < repetitions; i++) x = graph.node('MultiHeadAttention', [x, k, v], { contrib: true, attributes: { num_heads: heads } })
          readBack(graph, [x], 3, COMPARED, dtype)
          return { graph, feeds: inputs }
        },
      },
    ],
  }
}
