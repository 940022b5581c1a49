// The sizes of the starter's autoencoder.
import * as v from 'valibot'
import { AppError } from '../../src/shared/errors'

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

/** @throws AppError weights-corrupt naming the field */
export function parseKinoraAutoencoderConfig(config: unknown): KinoraAutoencoderConfig {
  const parsed = v.safeParse(KinoraAutoencoderConfigSchema, config)
  if (parsed.success) return parsed.output
  const issue = parsed.issues[0]
  throw new AppError('weights-corrupt', `The autoencoder's config.json is not readable: ${v.getDotPath(issue) ?? 'it'}: ${issue.message}.`, {})
}
