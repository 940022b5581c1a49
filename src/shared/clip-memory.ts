// How much of the GPU's memory a clip takes, about. Pure.
import { clipTokens, type ModelManifest } from './model'
import { forwardPassesOf } from './time-estimate'

/**
 * Bytes for each token and channel of the transformer's width while a block runs: the residual stream and its successor in f32, and in
 * f16 the normalized input, queries, keys, values and attention's output, or the four times wider feed-forward.
 */
const BLOCK_BYTES = 24
/** For each token and channel, with the first-block cache: what each forward pass of a step keeps, and the copies that one of them needs. */
const REUSE_BYTES = 8
/** Of each token beside the blocks: the latent, the velocity, the estimate and their preview, f32 and 128 channels at most. */
const LATENT_BYTES = 4096
/** As much memory as the largest GPUs that people have at home: a larger clip is not begun. */
export const LARGEST_CLIP_BYTES = 24e9

/**
 * Bytes of a clip while it is denoised.
 * @param weightBytes of the transformer, or what else has to be there
 * @param width D, channels of the transformer
 * @param reused forward passes of a step whose results the first-block cache keeps
 */
export function clipBytes(weightBytes: number, width: number, tokens: number, reused = 0): number {
  const perChannel = BLOCK_BYTES + (reused > 0 ? REUSE_BYTES * (reused + 1) : 0)
  return weightBytes + tokens * (width * perChannel + LATENT_BYTES)
}

/** What of a request decides how much memory it takes. */
export interface MemoryRequest {
  width: number
  height: number
  frames: number
  shots?: readonly { frames: number }[] | undefined
  guidance: number
  stg?: { scale: number } | undefined
  cacheThreshold?: number | undefined
}

/**
 * Bytes of a request while its largest chunk is denoised: longer clips are generated in chunks.
 * @param weightBytes that the model takes for any clip
 */
export function requestBytes(request: MemoryRequest, model: ModelManifest, weightBytes = 0): number {
  const { width, height, frames, shots, guidance, stg, cacheThreshold } = request
  const longest = shots ? Math.max(...shots.map((shot) => shot.frames)) : frames
  const tokens = clipTokens({ width, height, frames: Math.min(Math.max(...model.frames.allowed), longest) }, model)
  const reused = cacheThreshold ? forwardPassesOf({ guidance, ...(stg && { stgScale: stg.scale }) }) : 0
  return clipBytes(weightBytes, model.width ?? 0, tokens, reused)
}
