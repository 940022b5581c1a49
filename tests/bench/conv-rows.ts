// Single convolutions of both decoders.
import type { FloatDType } from '../../workers/engine/tensor'
import { conv, convVariant, uploadConv } from '../../workers/ops/conv'
import { randomValues } from '../gpu/reference'
import { channelsFirst } from './channels-first'
import { OnnxGraph } from './onnx-graph'
import { openOurs } from './ours'
import { randomMatrix } from './random-weights'
import { readBack } from './read-back'
import { sizeOf, TOLERANCE, type Row } from './row'

export interface ConvShape {
  name: string
  /** F, H, W */
  grid: readonly [number, number, number]
  /** C, and O: each repetition takes the last result */
  channels: number
  /** taps in time: 1 is a 2D convolution of each frame, 3 looks at the frame before and after, and repeats the first and the last */
  taps: 1 | 3
}

/** 3×3 taps in space, padded with zeros. No goal: the decoders have theirs. */
export function convRow({ name, grid, channels, taps }: ConvShape, dtype: FloatDType): Row {
  const [frames, height, width] = grid
  const places = frames * height * width
  const kernel = taps === 1 ? [3, 3] : [taps, 3, 3]
  const weight = randomMatrix(1, channels, channels * taps * 9)
  const x = randomValues(2, places * channels)
  return {
    name,
    shape: `F ${frames}, H ${height}, W ${width}, C ${channels}, ${kernel.join(' × ')}`,
    dtype,
    weights: dtype,
    flops: 2 * places * channels * channels * taps * 9,
    bytes: (2 * places * channels + weight.length) * sizeOf(dtype),
    tolerance: TOLERANCE[dtype],
    ours: (gpu) =>
      openOurs(gpu, `conv ${convVariant(gpu.facts, channels)}`, (kept) => {
        const loaded = uploadConv(kept, weight, [channels, channels, ...kernel], new Float32Array(channels), dtype)
        const input = kept.upload(x, [frames, height, width, channels], dtype)
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
            // in time the ends are repeated, as video decoders have it: an operator of its own
            if (taps !== 1) y = graph.node('Pad', [y, edges], { attributes: { mode: 'edge' } })
            const pads = taps === 1 ? [1, 1, 1, 1] : [0, 1, 1, 0, 1, 1]
            y = graph.node('Conv', [y, loaded, bias], { attributes: { kernel_shape: kernel, pads } })
          }
          readBack(graph, [y], shape.length, channels, dtype, 1)
          return { graph, feeds: { x: { shape, values: taps === 1 ? channelsFirst(x, channels, height * width) : channelsFirst(x, channels, places) } } }
        },
      },
    ],
  }
}
