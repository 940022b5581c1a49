// The sizes of the starter's autoencoder.
import * as v from 'valibot'
import { AppError } from '../../../src/shared/errors'

const size = v.pipe(v.number(), v.integer(), v.minValue(1))

/** `vae/config.json` */
export const KinoraAutoencoderConfigSchema = v.object({
  latent_channels: size,
  /** pixels a latent pixel, along each side */
  patch_size: size,
  /** frames a latent frame */
  patch_size_t: size,
  /** pixels a feature pixel at the finest level; two halvings lead from there to patch_size */
  stem_patch: size,
  /** features, finest level first */
  channels: v.tuple([size, size, size]),
  /** residual blocks, finest level first */
  blocks: v.tuple([size, size, size]),
  eps: v.number(),
  /** of the raw latents, one a channel */
  latents_mean: v.array(v.number()),
  latents_std: v.array(v.number()),
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
  const parsed = v.safeParse(KinoraAutoencoderConfigSchema, config)
  if (parsed.success) return parsed.output
  const issue = parsed.issues[0]
  throw new AppError('weights-corrupt', `The autoencoder's config.json is not readable: ${v.getDotPath(issue) ?? 'it'}: ${issue.message}.`, {})
}
