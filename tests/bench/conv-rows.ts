// Single convolutions of both decoders.
import type { FloatDType } from '../../workers/engine/tensor'
import { conv, convVariant, uploadConv } from '../../workers/ops/conv'
import { randomValues } from '../gpu/reference'
import { channelsFirst, OnnxGraph, readBack } from './onnx-graph'
import { openOurs } from './ours'
import { randomMatrix } from './random-weights'
import { sizeOf, TOLERANCE, type Row } from './row'

export interface ConvShape {
  name: string
  /** F, H, W */
  grid: readonly [number, number, number]
  /** C and O: each repetition reads the previous result */
  channels: number
  /** taps in time: 1 is a 2D convolution of each frame; 3 includes the frames before and after, and repeats the first and the last */
  taps: 1 | 3
}

/** 3×3 taps in space, zero padding. No goal of its own: the decoders have goals. */
export function convRow({ name, grid, channels, taps }: ConvShape, dtype: FloatDType): Row {
  const [frames, height, width] = grid
  const pixels = frames * height * width
  const kernel = taps === 1 ? [3, 3] : [taps, 3, 3]
  const weight = randomMatrix(1, channels, channels * taps * 9)
  const x = randomValues(2, pixels * channels)
  return {
    name,
    shape: `F ${frames}, H ${height}, W ${width}, C ${channels}, ${kernel.join(' × ')}`,
    dtype,
    weights: dtype,
    flops: 2 * pixels * channels * channels * taps * 9,
    bytes: (2 * pixels * channels + weight.length) * sizeOf(dtype),
    tolerance: TOLERANCE[dtype],
    ours: (gpu) =>
      openOurs(gpu, `conv ${convVariant(gpu.facts, channels)}`, (owner) => {
        const loaded = uploadConv(owner, weight, [channels, channels, ...kernel], new Float32Array(channels), dtype)
        const input = owner.upload(x, [frames, height, width, channels], dtype)
        return {
          values: channels,
          run(scope, repetitions) {
            let y = input
            for (let i = 0; i < repetitions; i++) y = conv(scope, y, loaded, { time: 'both' })
            return y
          },
        }
      }),
    peers: () => [
      {
        kernel: taps === 1 ? 'Conv 2D' : 'Conv 3D',
        model(repetitions) {
          const graph = new OnnxGraph()
          const shape = taps === 1 ? [frames, channels, height, width] : [1, channels, frames, height, width]
          const loaded = graph.weight(dtype, [channels, channels, ...kernel], weight)
          const bias = graph.weight(dtype, [channels], new Float32Array(channels))
          let y = graph.input('x', dtype, shape)
          const edges = graph.weight('i64', [10], [0, 0, 1, 0, 0, 0, 0, 1, 0, 0])
          for (let i = 0; i < repetitions; i++) {
            // video decoders repeat the ends in time, which is a separate operator
            if (taps !== 1) y = graph.node('Pad', [y, edges], { attributes: { mode: 'edge' } })
            const pads = taps === 1 ? [1, 1, 1, 1] : [0, 1, 1, 0, 1, 1]
            y = graph.node('Conv', [y, loaded, bias], { attributes: { kernel_shape: kernel, pads } })
          }
          readBack(graph, [y], shape.length, channels, dtype, 1)
          return { graph, feeds: { x: { shape, values: taps === 1 ? channelsFirst(x, channels, height * width) : channelsFirst(x, channels, pixels) } } }
        },
      },
    ],
  }
}
