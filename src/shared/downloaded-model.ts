// A model that was downloaded, as the rest of the app knows it: its address, and its manifest, for it has no kinora.json.
import { AppError } from './errors'
import { LTX_PRESETS, type LtxPreset } from './ltx-presets'
import type { ModelManifest } from './model'
import { CATALOGUE, type CatalogueEntry } from './model-catalogue'

const SCHEME = 'download:'

/** The sources that a downloaded model is made of. */
export interface DownloadedEntries {
  video: CatalogueEntry
  encoder: CatalogueEntry
  tokenizer: CatalogueEntry
}

/** What stands where another model has the URL of its folder: `download:<video source>?encoder=<encoder source>`. */
export function downloadedModelUrl(video: string, encoder: string): string {
  return `${SCHEME}${video}?encoder=${encoder}`
}

/** The sources that an address names; undefined for the URL of a folder. @throws AppError not-found when the table has no such sources */
export function downloadedEntries(url: string): DownloadedEntries | undefined {
  if (!url.startsWith(SCHEME)) return undefined
  const { pathname, searchParams } = new URL(url)
  const tokenizer = CATALOGUE.find(({ role }) => role === 'tokenizer')
  if (!tokenizer) throw new Error('The table of sources has no tokenizer.')
  return { video: find('video', pathname), encoder: find('text-encoder', searchParams.get('encoder') ?? ''), tokenizer }
}

function find(role: CatalogueEntry['role'], id: string): CatalogueEntry {
  const source = CATALOGUE.find((one) => one.role === role && one.id === id)
  if (source) return source
  const known = CATALOGUE.filter((one) => one.role === role).map((one) => one.id)
  throw new AppError('not-found', `No ${role} model is called ${id || '(nothing)'}; there are ${known.join(', ')}.`, { source: id })
}

/** How the model of a source is run; undefined when that is not known. Pure. */
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
/** Channels of LTX-Video 2B's transformer: 32 heads of 64. */
const WIDTH = 2048
/** Tokens of a prompt, the end token included: the longest that Lightricks' own code reads. */
const MAX_TOKENS = 256

const EXAMPLES = [
  'A small sailboat crosses a calm bay at sunset. The water is golden and mirrors the clouds. The camera follows slowly from the side.',
  'Close view of a red fox in fresh snow. It lifts its head and looks into the camera, its breath visible in the cold air. Soft morning light.',
  'A paper lantern floats up into a dark blue evening sky above a quiet village. Warm light flickers inside it. The camera tilts up.',
]

/** The manifest of a downloaded model, from how it is run. Pure. */
export function downloadedManifest({ id, name, description, license }: CatalogueEntry, preset: LtxPreset): ModelManifest {
  const only = (value: number) => ({ default: value, min: value, max: value })
  const { guidance, steps, sizes, fps, stg, guidanceRescale, negativePrompt } = preset
  const guided = guidance > 1
  return {
    schemaVersion: 1,
    id,
    name,
    version: 1,
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

/** The same by the model's address. @throws AppError not-found */
export function manifestOfDownloaded({ video }: DownloadedEntries): ModelManifest {
  return downloadedManifest(video, requirePreset(video))
}

/** See {@link presetOf}. @throws AppError not-found */
export function requirePreset(source: CatalogueEntry): LtxPreset {
  const preset = presetOf(source)
  if (preset) return preset
  throw new AppError('not-found', `How ${source.name} is run is not known.`, { source: source.id })
}
