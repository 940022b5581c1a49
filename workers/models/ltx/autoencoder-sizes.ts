// How much memory each part of LTX-Video's autoencoder takes when it runs in time order: read from the config alone, so that
// a clip can be planned before a weight is loaded. One entry a unit, in the order in which they run.
import { planLtxAutoencoder, type LtxAutoencoderConfig, type Steps } from './autoencoder-config'
import type { UnitSize } from '../tile-plan'

/** Frames of a window besides the new ones. */
const HELD = 2

/** Pixels a latent pixel along each side, and frames a latent frame. */
export function compressionOf(config: LtxAutoencoderConfig): { space: number; time: number } {
  const ups = planLtxAutoencoder(config).decoder.stages.filter(({ up }) => up).length
  return { space: config.patch_size * 2 ** ups, time: config.patch_size_t * 2 ** ups }
}

/** A unit that looks at windows of `channels` for each of `features` places of a latent pixel. */
function windowed(features: number, channels: number, windows = 1): UnitSize {
  return { features, tensors: [{ floats: features * channels, more: HELD }], held: HELD * windows * features * channels }
}

const residual = (features: number, channels: number): UnitSize => windowed(features, channels, 2)

/** From latents to pixels. */
export function decoderSizes(config: LtxAutoencoderConfig): UnitSize[] {
  const { decoder } = planLtxAutoencoder(config)
  let features = 1
  const sizes = [windowed(features, Math.max(config.latent_channels, decoder.first))]
  const residuals = (channels: number, count: number) => sizes.push(...Array.from({ length: count }, () => residual(features, channels)))
  residuals(decoder.first, decoder.middle)
  for (const { convIn, up, channels, layers } of decoder.stages) {
    if (convIn) sizes.push(residual(features, Math.max(convIn.in, convIn.out)))
    if (up) {
      // what the convolution gives is wider than what it looks at
      const [narrow, wide] = [features * up.in, (features * up.in * 8) / up.factor]
      sizes.push({
        features,
        tensors: [
          { floats: narrow, more: HELD },
          { floats: wide, more: 0 },
        ],
        held: HELD * narrow,
      })
      features *= 4
    }
    residuals(channels, layers)
  }
  return [...sizes, windowed(features, Math.max(decoder.last, config.out_channels * config.patch_size_t * config.patch_size ** 2))]
}

/** Floating-point operations of decoding one place of the latent: its convolutions', 27 taps each, which are nearly all. */
export function decoderFlops(config: LtxAutoencoderConfig): number {
  const { decoder } = planLtxAutoencoder(config)
  const conv = (inputs: number, out: number) => 2 * 27 * inputs * out
  let places = 1
  let flops = conv(config.latent_channels, decoder.first) + 2 * decoder.middle * conv(decoder.first, decoder.first)
  for (const { convIn, up, channels, layers } of decoder.stages) {
    if (convIn) flops += places * (conv(convIn.in, convIn.out) + conv(convIn.out, convIn.out))
    if (up) {
      flops += places * conv(up.in, (up.in * 8) / up.factor)
      places *= 8 // twice in height, width and time
    }
    flops += places * 2 * layers * conv(channels, channels)
  }
  return flops + places * conv(decoder.last, config.out_channels * config.patch_size ** 2)
}

/** From pixels to latents; the last entry is for both convolutions of the last norm's result. */
export function encoderSizes(config: LtxAutoencoderConfig): UnitSize[] {
  const { encoder } = planLtxAutoencoder(config)
  const stepsOf = ({ down }: (typeof encoder.stages)[number]): Steps => (!down ? [1, 1] : down.kind === 'conv' ? [2, 2] : down.steps)
  let features = encoder.stages.reduce((product, stage) => product * stepsOf(stage)[1] ** 2, 1)
  const patch = config.in_channels * config.patch_size_t * config.patch_size ** 2
  const sizes: UnitSize[] = [{ features, tensors: [{ floats: features * patch, more: 0 }], held: 0 }, windowed(features, Math.max(patch, encoder.first))]
  for (const stage of encoder.stages) {
    sizes.push(...Array.from({ length: stage.layers }, () => residual(features, stage.channels)))
    const [time, space] = stepsOf(stage)
    if (stage.down) {
      const floats = features * Math.max(stage.channels, stage.down.kind === 'fold' ? stage.down.out / (time * space ** 2) : 0)
      // whole groups of frames: some may wait for their last, and the first frame stands for a group
      sizes.push({ features, tensors: [{ floats, more: HELD + time - 1 }], held: (time + 1) * features * stage.channels })
      features /= space ** 2
    }
    if (stage.convOut) sizes.push(residual(features, Math.max(stage.convOut.in, stage.convOut.out)))
  }
  sizes.push(...Array.from({ length: encoder.middle }, () => residual(features, encoder.last)))
  return [...sizes, windowed(features, Math.max(encoder.last, config.latent_channels), 2)]
}
