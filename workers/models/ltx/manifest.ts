// What the page knows of an LTX-Video model before its files are here: sizes, lengths, settings, capabilities. Pure data.
import { ALL_CAPABILITIES } from '../../../src/shared/capabilities'
import { AppError } from '../../../src/shared/errors'
import type { ModelManifest } from '../../../src/shared/model'
import type { CatalogueEntry } from '../../../src/shared/model-catalogue'
import { LTX_PRESETS, type LtxPreset } from './presets'

/** The preset of a catalogue entry; undefined where it has none. Pure. */
export function presetOf({ files }: CatalogueEntry): LtxPreset | undefined {
  return Object.values<LtxPreset>(LTX_PRESETS).find((preset) => files.some(({ path }) => path === preset.file))
}

/** Offered in Create, the default first. Beside these, all sides of whole latent pixels will do. */
const SIZES = [
  { shape: '3:2', width: 768, height: 512 },
  { shape: '3:2', width: 576, height: 384 },
  { shape: '3:2', width: 384, height: 256 },
  { shape: '1:1', width: 512, height: 512 },
  { shape: '1:1', width: 256, height: 256 },
  { shape: '2:3', width: 512, height: 768 },
  { shape: '2:3', width: 384, height: 576 },
  { shape: '2:3', width: 256, height: 384 },
]
const FRAMES = { default: 97, allowed: [25, 49, 73, 97, 121, 161, 257] }
/** LTX-Video's: latents of 32×32 pixels and 8 frames, 128 channels */
export const LATENT = { channels: 128, scaleSpace: 32, scaleTime: 8 }
/** Format of the transformer's matrices unless another is requested: LTX-Video 2B then takes 1.15 GB. */
export const TRANSFORMER_FORMAT = 'i4'
/** Channels of LTX-Video 2B's transformer: 32 heads of 64. */
const WIDTH = 2048
/** Tokens of a prompt, the end token included: the longest that Lightricks' own code reads. */
const MAX_TOKENS = 256

const EXAMPLES = [
  'A small sailboat crosses a calm bay at sunset. The water is golden and mirrors the clouds. The camera follows slowly from the side.',
  'Close view of a red fox in fresh snow. It lifts its head and looks into the camera, its breath visible in the cold air. Soft morning light.',
  'A paper lantern floats up into a dark blue evening sky above a quiet village. Warm light flickers inside it. The camera tilts up.',
]

/** The manifest of a catalogue entry, which has no kinora.json; undefined where it is another architecture's. Pure. */
export function ltxManifest(entry: CatalogueEntry): ModelManifest | undefined {
  const preset = presetOf(entry)
  return preset && manifestOfPreset(entry, preset)
}

function manifestOfPreset({ id, name, description, license }: CatalogueEntry, preset: LtxPreset): ModelManifest {
  const only = (value: number) => ({ default: value, min: value, max: value })
  const { guidance, steps, sizes, fps, stg, guidanceRescale, negativePrompt } = preset
  const guided = guidance > 1
  return {
    schemaVersion: 1,
    id,
    name,
    version: 1,
    architecture: 'LTXPipeline',
    capabilities: { ...ALL_CAPABILITIES, guidance: guided, negativePrompt: guided },
    licence: license.name,
    description,
    files: [],
    sizes: SIZES,
    frames: FRAMES,
    fps: { default: fps, allowed: [24, fps] },
    steps: preset.sigmas ? only(steps) : { default: steps, min: 1, max: 60 },
    guidance: guided ? { default: guidance, min: 1, max: 8 } : only(guidance),
    grid: sizes,
    ...(guided && { guided: { negativePrompt, guidanceRescale, ...(stg && { stg: { scale: stg.scale, skipBlocks: [...stg.skipBlocks] } }) } }),
    latent: LATENT,
    width: WIDTH,
    rope: preset.rope,
    text: { maxTokens: MAX_TOKENS, words: [] },
    knows: [],
    examples: EXAMPLES,
  }
}

/** See {@link presetOf}. @throws AppError not-found */
export function requirePreset(entry: CatalogueEntry): LtxPreset {
  const preset = presetOf(entry)
  if (preset) return preset
  throw new AppError('not-found', `${entry.name} has no preset: expected a released LTX-Video 2B.`, { source: entry.id })
}
