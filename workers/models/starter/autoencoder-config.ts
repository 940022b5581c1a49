// The sizes of the starter's autoencoder.
import * as v from 'valibot'
import { listUpTo, misfitError, MOST, numberIn, parseFields, wholeIn } from '../../../src/shared/file-bounds'

const channels = wholeIn(1, MOST.channels)
const layers = wholeIn(1, MOST.layers)
const patch = wholeIn(1, 64)
const moments = listUpTo(v.number(), MOST.channels)

/** `vae/config.json` */
export const KinoraAutoencoderConfigSchema = v.object({
  latent_channels: channels,
  /** pixels a latent pixel, along each side */
  patch_size: patch,
  /** frames a latent frame */
  patch_size_t: patch,
  /** pixels a feature pixel at the finest level; two halvings lead from there to patch_size */
  stem_patch: patch,
  /** features, finest level first */
  channels: v.tuple([channels, channels, channels]),
  /** residual blocks, finest level first */
  blocks: v.tuple([layers, layers, layers]),
  eps: numberIn(0, 1),
  /** of the raw latents, one a channel */
  latents_mean: moments,
  latents_std: moments,
})
export type KinoraAutoencoderConfig = v.InferOutput<typeof KinoraAutoencoderConfigSchema>

/** Floating-point operations of decoding one place of the latent: its convolutions', which are nearly all. Pure. */
export function kinoraDecoderFlops({
  latent_channels: latents,
  patch_size: patch,
  patch_size_t: time,
  stem_patch: stem,
  channels,
  blocks,
}: KinoraAutoencoderConfig): number {
  const [c0, c1, c2] = channels
  const cell = 3 * time * stem ** 2
  const taps = { point: 1, plane: 9, causal: 18 }
  const residuals = (size: number, count: number, kernel: number) => 2 * count * kernel * size ** 2
  const fine = (patch / stem) ** 2 // places of the finest level
  return (
    2 *
    (taps.causal * latents * c2 +
      residuals(c2, blocks[2], taps.causal) +
      c2 * 4 * c1 +
      4 * residuals(c1, blocks[1], taps.plane) +
      4 * c1 * 4 * c0 +
      fine * (residuals(c0, blocks[0], taps.plane) + taps.plane * c0 * cell) +
      latents * 3 * time * patch ** 2)
  )
}

/** @throws AppError weights-corrupt naming the field */
export function parseKinoraAutoencoderConfig(config: unknown): KinoraAutoencoderConfig {
  return parseFields(KinoraAutoencoderConfigSchema, config, (misfit) =>
    misfitError('weights-corrupt', 'vae/config.json', "The autoencoder's config.json is not readable", misfit),
  )
}
