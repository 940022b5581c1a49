// Linear layers: MatMul for half floats, MatMulNBits for int8 and int4 weights.
import type { FloatDType } from '../../workers/engine/tensor'
import { linear, linearVariant, uploadLinear, type WeightFormat } from '../../workers/ops/linear'
import { randomValues } from '../gpu/reference'
import { OnnxGraph } from './onnx-graph'
import { linearForms, onnxLinear, putLinear } from './onnx-linear'
import { openOurs } from './ours'
import { randomMatrix } from './random-weights'
import { readBack } from './read-back'
import { sizeOf, TOLERANCE, WEIGHT_BYTES, type Row } from './row'

const COMPARED = 32

/** x [M, K] times w [O, K]. Each repetition has weights of its own, as each layer of a model has. */
export function gemmRow(rows: number, inner: number, out: number, weights: WeightFormat, dtype: FloatDType): Row {
  const x = randomValues(1, rows * inner)
  const matrix = (repetition: number) => ({ values: randomMatrix(repetition, out, inner), out, in: inner })
  return {
    name: `gemm-${weights}-${rows}x${inner}x${out}`,
    shape: `M ${rows}, K ${inner}, O ${out}`,
    dtype,
    weights,
    flops: 2 * rows * inner * out,
    bytes: rows * (inner + out) * sizeOf(dtype) + inner * out * WEIGHT_BYTES[weights],
    goal: weights === 'i8' || weights === 'i4' ? { gpu: 1.3, software: 1 } : { gpu: 1, software: 1 },
    tolerance: TOLERANCE[dtype],
    ours: (gpu) =>
      openOurs(gpu, linearVariant(gpu.facts, rows, weights, dtype), (kept) => {
        const input = kept.upload(x, [rows, inner], dtype)
        const layers = Array.from({ length: 8 }, (_, i) => uploadLinear(kept, matrix(i), weights))
        return {
          values: COMPARED,
          run(scope, repetitions) {
            const results = layers.slice(8 - repetitions).map((layer) => linear(scope, input, layer))
            return results.at(-1) as (typeof results)[number]
          },
        }
      }),
    peers: () =>
      linearForms(weights, inner).map((form) => ({
        kernel: form.kernel,
        model(repetitions) {
          const graph = new OnnxGraph()
          const input = graph.input('x', dtype, [1, rows, inner])
          const results = Array.from({ length: repetitions }, (_, i) => 
            onnxLinear(graph, input, putLinear(graph, matrix(8 - repetitions + i), form, dtype)))
          readBack(graph, results, 3, COMPARED, dtype)
          return { graph, feeds: { x: { shape: [1, rows, inner], values: x } } }
        },
      })),
  }
}
