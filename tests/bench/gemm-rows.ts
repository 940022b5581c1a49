// Linear layers: MatMul for f16, MatMulNBits for int8 and int4 weights, with float or int8 activations.
import type { FloatDType } from '../../workers/engine/tensor'
import { linear, linearVariant, uploadLinear, type WeightFormat } from '../../workers/ops/linear'
import { randomValues } from '../gpu/reference'
import { OnnxGraph, readBack } from './onnx-graph'
import { linearFormats, onnxLinear, putLinear } from './onnx-linear'
import { openOurs } from './ours'
import { randomMatrix } from './random-weights'
import { sizeOf, TOLERANCE, WEIGHT_BYTES, type Row } from './row'

const COMPARED = 32

/** Tolerance with int8 activations: 32 share a scale in ours and 128 in the peer, or the peer's stay floats. */
const INT8_TOLERANCE = 2e-2

/** x [M, K] times w [O, K]. Each repetition has other weights, as the layers of a model. @param int8 with int8 activations */
export function gemmRow(rows: number, inner: number, out: number, weights: WeightFormat, dtype: FloatDType, int8 = false): Row {
  const variant = int8 ? 'int8_dp4a' : undefined
  const x = randomValues(1, rows * inner)
  const matrix = (repetition: number) => ({ values: randomMatrix(repetition, out, inner), out, in: inner })
  return {
    name: `gemm-${int8 ? 'int8-' : ''}${weights}-${rows}x${inner}x${out}`,
    shape: `M ${rows}, K ${inner}, O ${out}`,
    dtype,
    weights,
    flops: 2 * rows * inner * out,
    bytes: rows * (inner + out) * sizeOf(dtype) + inner * out * WEIGHT_BYTES[weights],
    goal: weights === 'i8' || weights === 'i4' ? { gpu: 1.3, software: 1 } : { gpu: 1, software: 1 },
    tolerance: int8 ? INT8_TOLERANCE : TOLERANCE[dtype],
    ours: (gpu) =>
      openOurs(gpu, linearVariant(gpu.facts, rows, weights, dtype, variant), (owner) => {
        const input = owner.upload(x, [rows, inner], dtype)
        const layers = Array.from({ length: 8 }, (_, i) => uploadLinear(owner, matrix(i), weights))
        return {
          values: COMPARED,
          run(scope, repetitions) {
            const results = layers.slice(8 - repetitions).map((layer) => linear(scope, input, layer, variant && { variant }))
            return results.at(-1) as (typeof results)[number]
          },
        }
      }),
    peers: () =>
      linearFormats(weights, inner, int8).map((format) => ({
        kernel: format.kernel,
        model(repetitions) {
          const graph = new OnnxGraph()
          const input = graph.input('x', dtype, [1, rows, inner])
          const results = Array.from({ length: repetitions }, (_, i) => onnxLinear(graph, input, putLinear(graph, matrix(8 - repetitions + i), format, dtype)))
          readBack(graph, results, 3, COMPARED, dtype)
          return { graph, feeds: { x: { shape: [1, rows, inner], values: x } } }
        },
      })),
  }
}
