// How each released LTX-Video 2B is meant to be run. Figures: Lightricks/LTX-Video, configs/ltxv-2b-*.yaml and the defaults
// of inference.py.

/** Spatio-temporal guidance: how far, and which blocks the perturbed model does not look around in. */
export interface SpatioTemporalGuidance {
  scale: number
  skipBlocks: readonly number[]
}

/** How a model is run. */
export interface LtxPreset {
  name: string
  /** the published checkpoint */
  file: string
  steps: number
  /** noise levels of the steps, the last 0 left out, where the model was distilled to them; else the scheduler's */
  sigmas?: readonly number[]
  /** ancestral sampling: after each step goes back to the next noise level with fresh noise */
  ancestral: boolean
  /** classifier-free guidance; 1: none */
  guidance: number
  stg?: SpatioTemporalGuidance
  /** guidance rescale; 0: none */
  guidanceRescale: number
  negativePrompt: string
  /** the decoder's timestep, and how much noise the latents are mixed with for it */
  decodeTimestep: number
  decodeNoiseScale: number
  fps: number
  /** for a manifest's `rope`: seconds and pixels */
  rope: { unit: 'seconds'; timeScale: number; spaceScale: number }
  /** sides are multiples of `side` pixels, frames are `group`·k + 1 */
  sizes: { side: number; group: number }
}

const COMMON = {
  negativePrompt: 'worst quality, inconsistent motion, blurry, jittery, distorted',
  decodeTimestep: 0.05,
  decodeNoiseScale: 0.025,
  fps: 30,
  rope: { unit: 'seconds', timeScale: 1, spaceScale: 32 },
  sizes: { side: 32, group: 8 },
} as const

const DEV = { ...COMMON, steps: 40, ancestral: false, guidance: 3, stg: { scale: 1, skipBlocks: [19] }, guidanceRescale: 0.7 } as const

const DISTILLED = { ...COMMON, guidance: 1, guidanceRescale: 0 } as const

/** The released models, by version. */
export const LTX_PRESETS = {
  '0.9.5': { ...DEV, name: 'LTX-Video 2B 0.9.5', file: 'ltx-video-2b-v0.9.5.safetensors' },
  '0.9.6-dev': { ...DEV, name: 'LTX-Video 2B 0.9.6', file: 'ltxv-2b-0.9.6-dev-04-25.safetensors' },
  '0.9.6-distilled': {
    ...DISTILLED,
    name: 'LTX-Video 2B 0.9.6 distilled',
    file: 'ltxv-2b-0.9.6-distilled-04-25.safetensors',
    steps: 8,
    // the linear-quadratic spacing of 8 steps, to four digits
    sigmas: [1, 0.9937, 0.9875, 0.9812, 0.975, 0.9094, 0.725, 0.4219],
    ancestral: true,
  },
  '0.9.8-distilled': {
    ...DISTILLED,
    name: 'LTX-Video 2B 0.9.8 distilled',
    file: 'ltxv-2b-0.9.8-distilled.safetensors',
    // the published first pass; its second pass works on an upscaled latent
    steps: 7,
    sigmas: [1, 0.9937, 0.9875, 0.9812, 0.975, 0.9094, 0.725],
    ancestral: false,
  },
} as const satisfies Record<string, LtxPreset>
