// reference.json: what training/evaluate.py got from the same weights, noise and settings in PyTorch.
import { existsSync } from 'node:fs'
import * as v from 'valibot'
import type { ModelManifest } from '../../src/shared/model'
import type { GenerateRequest } from '../../src/shared/request'
import { promptKey } from './prompts'
import { readJsonInput } from './read-input'
import { ATTRIBUTES, WORLDS, type Attribute } from './world'

const readings = v.object(Object.fromEntries(ATTRIBUTES.map((name) => [name, v.string()])) as Record<Attribute, v.StringSchema<undefined>>)
const consistency = v.object({ step: v.number(), variation: v.number(), first: v.number() })

/** The schema of reference.json. */
export const ReferenceSchema = v.object({
  schemaVersion: v.literal(1),
  world: v.picklist(WORLDS),
  /** SHA-256 in hex of the model's weight files, by their path in the model folder */
  weights: v.record(v.string(), v.string()),
  width: v.number(),
  height: v.number(),
  frames: v.number(),
  steps: v.number(),
  guidance: v.number(),
  /** what the probe read in the clip, and in a render of the prompt's scene */
  prompts: v.array(v.object({ prompt: v.string(), seed: v.number(), clip: readings, render: readings })),
  /** of all prompts */
  frechet: v.number(),
  consistency: v.object({ clips: consistency, renders: consistency }),
  curve: v.array(
    v.object({
      steps: v.number(),
      guidance: v.number(),
      n: v.number(),
      scores: v.partial(v.object(Object.fromEntries(ATTRIBUTES.map((name) => [name, v.number()])) as Record<Attribute, v.NumberSchema<undefined>>)),
      mean: v.number(),
    }),
  ),
  /** image to video: what the probe reads in the last frame of clips and of renders, and the share of clips that set off evenly */
  images: v.optional(v.object({ n: v.number(), scores: v.record(v.string(), v.number()), probe: v.record(v.string(), v.number()), evenStart: v.number() })),
  /** mean of the scores over those of renders, at every size and length that is offered */
  shapes: v.optional(v.array(v.object({ width: v.number(), height: v.number(), frames: v.number(), n: v.number(), mean: v.number() })), []),
  /** frames kept losslessly: files[k] is one picture of those frames of prompts[k], side by side */
  agreement: v.object({ frames: v.array(v.number()), files: v.array(v.string()) }),
})

export type Reference = v.InferOutput<typeof ReferenceSchema>
export type ReferencePrompt = Reference['prompts'][number]

/** The reference, or undefined when there is none yet. @throws UsageError when it is not readable */
export function readReference(file: string): Reference | undefined {
  return existsSync(file) ? readJsonInput(file, ReferenceSchema, 'training/evaluate.py makes it') : undefined
}

/** Why clips made now cannot be compared with the reference's; undefined when they can. */
export function whyNotComparable(reference: Reference, manifest: ModelManifest, request: Omit<GenerateRequest, 'prompt' | 'seed'>): string | undefined {
  for (const [path, sha256] of Object.entries(reference.weights)) {
    if (manifest.files.find((file) => file.path === path)?.sha256 !== sha256) return `it was made with another ${path}`
  }
  for (const field of ['width', 'height', 'frames', 'steps', 'guidance'] as const) {
    if (reference[field] !== request[field]) return `it was made with ${field} ${reference[field]}, not ${request[field]}`
  }
  return undefined
}

/** The reference's prompts by promptKey. */
export function referenceByKey(reference: Reference | undefined): Map<string, ReferencePrompt> {
  return new Map(reference?.prompts.map((entry) => [promptKey(entry), entry]))
}
