// kinora.json: what a model folder says of itself beyond the diffusers configs.
import * as v from 'valibot'
import { ALL_CAPABILITIES, CapabilitiesSchema } from './capabilities'
import { AppError } from './errors'

/** A whole number from 1 to `most`. */
const size = (most: number) => v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(most))
const range = v.object({ default: v.number(), min: v.number(), max: v.number() })

/** The schema of `kinora.json`. */
export const ModelManifestSchema = v.object({
  schemaVersion: v.literal(1),
  id: v.string(),
  name: v.string(),
  version: v.number(),
  /** the architecture that runs it, a key of workers/models/registry.ts */
  architecture: v.optional(v.string(), 'KinoraPipeline'),
  capabilities: v.optional(CapabilitiesSchema, ALL_CAPABILITIES),
  licence: v.string(),
  /** which version of the rendered world the weights know, for the evaluation */
  world: v.optional(v.string()),
  description: v.string(),
  /** every other file of the folder: path relative to it, length in bytes, SHA-256 in hex */
  files: v.array(v.object({ path: v.string(), bytes: v.number(), sha256: v.string() })),
  /** pixels */
  sizes: v.pipe(v.array(v.object({ shape: v.string(), width: v.number(), height: v.number() })), v.minLength(1)),
  frames: v.object({ default: v.number(), allowed: v.pipe(v.array(v.number()), v.minLength(1)) }),
  fps: v.object({ default: v.number(), allowed: v.pipe(v.array(v.number()), v.minLength(1)) }),
  steps: range,
  guidance: range,
  /** allowed beside `sizes` and `frames`: sides of any multiple of `side` pixels, `group`·k + 1 frames */
  grid: v.optional(v.object({ side: v.number(), group: v.number() })),
  /** what a request with guidance has where it says nothing else */
  guided: v.optional(
    v.object({
      negativePrompt: v.string(),
      guidanceRescale: v.number(),
      stg: v.optional(v.object({ scale: v.number(), skipBlocks: v.array(v.number()) })),
    }),
  ),
  /** latent channels; pixels per latent pixel; frames per latent frame; sides of the transformer's patches in latent pixels and latent frames */
  latent: v.object({
    channels: size(4096),
    scaleSpace: size(256),
    scaleTime: size(64),
    patch: v.optional(size(16)),
    patchTime: v.optional(size(16)),
  }),
  /** D, channels of the transformer: how much memory a clip takes */
  width: v.optional(v.number()),
  /** RoPE coordinate of a token = index × scale, along both axes of space and along time, which counts in latents or in seconds */
  rope: v.looseObject({ timeScale: v.number(), spaceScale: v.number(), unit: v.optional(v.picklist(['latents', 'seconds'])) }),
  text: v.object({
    /** tokens the encoder takes, special tokens included */
    maxTokens: v.number(),
    /** lower-case words (and punctuation) the tokenizer knows; empty: an open vocabulary */
    words: v.array(v.string()),
  }),
  /** what it can draw, by theme, in words that work */
  knows: v.array(v.object({ title: v.string(), phrases: v.array(v.string()) })),
  examples: v.array(v.string()),
  quality: v.optional(v.record(v.string(), v.unknown())),
})

/** A model folder's `kinora.json`. */
export type ModelManifest = v.InferOutput<typeof ModelManifestSchema>

/** N, tokens of a clip: one a patch of its latent. Pure. */
export function clipTokens({ width, height, frames }: { width: number; height: number; frames: number }, { latent }: ModelManifest): number {
  const { scaleSpace, scaleTime, patch = 1, patchTime = 1 } = latent
  return (width / (scaleSpace * patch)) * (height / (scaleSpace * patch)) * Math.ceil(((frames - 1) / scaleTime + 1) / patchTime)
}

/** Parses `kinora.json`; throws AppError `weights-corrupt` naming the field. */
export function parseManifest(data: unknown, url: string): ModelManifest {
  const parsed = v.safeParse(ModelManifestSchema, data)
  if (parsed.success) return parsed.output
  const issue = parsed.issues[0]
  throw new AppError('weights-corrupt', `kinora.json is not readable: ${v.getDotPath(issue) ?? 'it'}: ${issue.message}.`, { file: url })
}
