// kinora.json: what a model folder says of itself beyond the diffusers configs.
import * as v from 'valibot'
import { ALL_CAPABILITIES, CapabilitiesSchema } from './capabilities'
import { listUpTo, misfitError, MOST, numberIn, parseFields, textUpTo, wholeIn, MAX_FILE_BYTES } from './file-bounds'

const name = textUpTo(MOST.nameCharacters)
/** A sentence or a prompt. */
const text = textUpTo(MOST.promptCharacters)
/** A whole number from 1 to `most`. */
const size = (most: number) => wholeIn(1, most)
const rangeTo = (most: number) => v.object({ default: numberIn(0, most), min: numberIn(0, most), max: numberIn(0, most) })
const choiceOf = <Item extends v.GenericSchema>(item: Item) => v.pipe(listUpTo(item, 1000), v.minLength(1))
const frames = size(MOST.frames)
const rate = numberIn(1, 120)

/** The schema of `kinora.json`. */
export const ModelManifestSchema = v.object({
  schemaVersion: v.literal(1),
  id: name,
  name,
  version: v.number(),
  /** the architecture that runs it, a key of workers/models/registry.ts */
  architecture: v.optional(name, 'KinoraPipeline'),
  capabilities: v.optional(CapabilitiesSchema, ALL_CAPABILITIES),
  licence: text,
  /** which version of the rendered world the weights know, for the evaluation */
  world: v.optional(name),
  description: text,
  /** every other file of the folder: path relative to it, length in bytes, SHA-256 in hex */
  files: listUpTo(v.object({ path: name, bytes: wholeIn(0, MAX_FILE_BYTES.folderFile), sha256: name }), 1000),
  /** pixels */
  sizes: choiceOf(v.object({ shape: name, width: size(MOST.side), height: size(MOST.side) })),
  frames: v.object({ default: frames, allowed: choiceOf(frames) }),
  fps: v.object({ default: rate, allowed: choiceOf(rate) }),
  steps: rangeTo(MOST.steps),
  guidance: rangeTo(1000),
  /** allowed beside `sizes` and `frames`: sides of any multiple of `side` pixels, `group`·k + 1 frames */
  grid: v.optional(v.object({ side: size(1024), group: size(1024) })),
  /** what a request with guidance has where it says nothing else */
  guided: v.optional(
    v.object({
      negativePrompt: text,
      guidanceRescale: numberIn(0, 1),
      stg: v.optional(v.object({ scale: numberIn(0, 1000), skipBlocks: listUpTo(wholeIn(0, MOST.layers), MOST.layers) })),
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
  width: v.optional(size(MOST.channels)),
  /** RoPE coordinate of a token = index × scale, along both axes of space and along time, which counts in latents or in seconds */
  rope: v.looseObject({ timeScale: v.number(), spaceScale: v.number(), unit: v.optional(v.picklist(['latents', 'seconds'])) }),
  text: v.object({
    /** tokens the encoder takes, special tokens included */
    maxTokens: size(100_000),
    /** lower-case words (and punctuation) the tokenizer knows; empty: an open vocabulary */
    words: listUpTo(name, MOST.vocabulary),
  }),
  /** what it can draw, by theme, in words that work */
  knows: listUpTo(v.object({ title: name, phrases: listUpTo(text, 1000) }), 1000),
  examples: listUpTo(text, 1000),
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
  return parseFields(ModelManifestSchema, data, (misfit) => misfitError('weights-corrupt', url, 'kinora.json is not readable', misfit))
}
