// The starter's decoder for the peer. Frames are the batch, [T, C, h, w]; convolutions over time are either 3D, or 2D over the channels of
// a frame and the previous one, which is the same sum.
import type { FloatDType } from '../../workers/engine/tensor'
import type { KinoraAutoencoderConfig } from '../../workers/models/starter/autoencoder-config'
import type { WeightSource } from '../../workers/models/weight-source'
import type { OnnxGraph } from './onnx-graph'

export interface OnnxDecoderOptions {
  config: KinoraAutoencoderConfig
  weights: WeightSource
  dtype: FloatDType
  /** latent frames, height, width */
  grid: readonly [number, number, number]
  /** implementation of the convolutions over time */
  overTime: '2D' | '3D'
}

/** Adds decoders of latents to a graph; all of them share the weights. */
export class OnnxDecoder {
  private readonly names = new Map<string, string>()

  constructor(
    private readonly graph: OnnxGraph,
    private readonly o: OnnxDecoderOptions,
  ) {}

  /** z [T, Z, h, w] → frames, [T, 3·4, H, W] with colors before frames, in −1..1 */
  decode(z: string): string {
    const { graph } = this
    const { channels, blocks, patch_size: patch, stem_patch: stem } = this.o.config
    const [, , c2] = channels
    let x = this.convOverTime(z, 'conv_in', this.o.config.latent_channels, c2) // [T, c2, h, w]
    for (let i = 0; i < blocks[2]; i++) x = this.block(x, `stages.0.${i}`, c2, true)
    for (const level of [0, 1] as const) {
      const next = channels[1 - level] as number
      x = this.shuffle(this.conv(x, `ups.${level}`, channels[2 - level] as number, 4 * next, 1), 2) // twice the sides
      for (let i = 0; i < (blocks[1 - level] as number); i++) x = this.block(x, `stages.${level + 1}.${i}`, next, false)
    }
    const cell = 3 * this.o.config.patch_size_t
    const detail = this.shuffle(this.conv(this.active(x, 'norm_out', channels[0]), 'conv_out', channels[0], cell * stem * stem, 3), stem)
    const smooth = this.shuffle(this.conv(z, 'skip', this.o.config.latent_channels, cell * patch * patch, 1), patch)
    const limits = [-1, 1].map((limit) => this.once(`limit ${limit}`, () => graph.weight(this.o.dtype, [], [limit])))
    return graph.node('Clip', [graph.node('Add', [smooth, detail]), ...limits]) // [T, 3·4, H, W]
  }

  private block(x: string, name: string, channels: number, overTime: boolean): string {
    const first = this.active(x, `${name}.norm1`, channels)
    const inner = overTime ? this.convOverTime(first, `${name}.conv1`, channels, channels) : this.conv(first, `${name}.conv1`, channels, channels, 3)
    return this.graph.node('Add', [x, this.conv(this.active(inner, `${name}.norm2`, channels), `${name}.conv2`, channels, channels, 3)])
  }

  /** silu(rms norm over channels): channels are last for the norm; the peer's layout optimizer removes the transposes */
  private active(x: string, name: string, channels: number): string {
    const { graph } = this
    const last = graph.node('Transpose', [x], { attributes: { perm: [0, 2, 3, 1] } })
    const gain = this.once(name, () => graph.weight(this.o.dtype, [channels], this.values(`${name}.weight`)))
    const normed = graph.node('SimplifiedLayerNormalization', [last, gain], { attributes: { axis: -1, epsilon: { float: this.o.config.eps } } })
    const active = graph.node('QuickGelu', [normed], { contrib: true, attributes: { alpha: { float: 1 } } })
    return graph.node('Transpose', [active], { attributes: { perm: [0, 3, 1, 2] } })
  }

  private conv(x: string, name: string, inputs: number, out: number, kernel: number): string {
    const weight = this.once(`${name}.weight`, () => this.graph.weight(this.o.dtype, [out, inputs, kernel, kernel], this.values(`${name}.weight`)))
    const pad = (kernel - 1) / 2
    return this.graph.node('Conv', [x, weight, this.bias(name, out)], { attributes: { kernel_shape: [kernel, kernel], pads: [pad, pad, pad, pad] } })
  }

  /** kernel [2, 3, 3] over this frame and the previous one; the first frame is repeated */
  private convOverTime(x: string, name: string, inputs: number, out: number): string {
    const { graph } = this
    const [frames] = this.o.grid
    const weight = this.values(`${name}.weight`) // [out, inputs, 2, 3, 3]
    const before = graph.node('Concat', [this.frames(x, 0, 1), ...(frames > 1 ? [this.frames(x, 0, frames - 1)] : [])], { attributes: { axis: 0 } })
    if (this.o.overTime === '2D') {
      // [out, 2·inputs, 3, 3]: the earlier frame's channels first
      const flat = () => {
        const values = new Float32Array(weight.length)
        for (let o = 0; o < out; o++) {
          for (let i = 0; i < inputs; i++) {
            for (let t = 0; t < 2; t++) {
              const from = ((o * inputs + i) * 2 + t) * 9
              values.set(weight.subarray(from, from + 9), ((o * 2 + t) * inputs + i) * 9)
            }
          }
        }
        return graph.weight(this.o.dtype, [out, 2 * inputs, 3, 3], values)
      }
      const both = graph.node('Concat', [before, x], { attributes: { axis: 1 } })
      return graph.node('Conv', [both, this.once(`${name}.weight`, flat), this.bias(name, out)], { attributes: { kernel_shape: [3, 3], pads: [1, 1, 1, 1] } })
    }
    // [1, C, T + 1, h, w] and back
    const padded = graph.node('Concat', [this.frames(x, 0, 1), x], { attributes: { axis: 0 } })
    const clip = this.reshape(graph.node('Transpose', [padded], { attributes: { perm: [1, 0, 2, 3] } }), [
      1,
      inputs,
      frames + 1,
      this.o.grid[1],
      this.o.grid[2],
    ])
    const kernel = this.once(`${name}.weight`, () => graph.weight(this.o.dtype, [out, inputs, 2, 3, 3], weight))
    const y = graph.node('Conv', [clip, kernel, this.bias(name, out)], { attributes: { kernel_shape: [2, 3, 3], pads: [0, 1, 1, 0, 1, 1] } })
    return graph.node('Transpose', [this.reshape(y, [out, frames, this.o.grid[1], this.o.grid[2]])], { attributes: { perm: [1, 0, 2, 3] } })
  }

  private frames(x: string, from: number, to: number): string {
    const at = (value: number) => this.once(`i64 ${value}`, () => this.graph.weight('i64', [1], [value]))
    return this.graph.node('Slice', [x, at(from), at(to), at(0)])
  }

  private shuffle(x: string, side: number): string {
    return this.graph.node('DepthToSpace', [x], { attributes: { blocksize: side, mode: 'CRD' } })
  }

  private reshape(x: string, shape: readonly number[]): string {
    return this.graph.node('Reshape', [x, this.once(`shape ${shape.join()}`, () => this.graph.weight('i64', [shape.length], shape))])
  }

  private bias(name: string, out: number): string {
    return this.once(`${name}.bias`, () => this.graph.weight(this.o.dtype, [out], this.values(`${name}.bias`)))
  }

  private values(name: string): Float32Array {
    return this.o.weights.get(`decoder.${name}`).values
  }

  private once(key: string, make: () => string): string {
    const existing = this.names.get(key) ?? make()
    this.names.set(key, existing)
    return existing
  }
}
