// What LTXConditionPipeline does before its loop, on the code that makes every clip: encode what is known, mix it with
// noise, place it. The reference has appended tokens before the grid's own, we behind them.
import { join } from 'node:path'
import type { Scope } from '../../workers/engine/scope'
import { LtxAutoencoder } from '../../workers/models/ltx/autoencoder'
import type { FrameEncoder, LatentGrid } from '../../workers/models/architecture'
import { channelsLast } from '../../workers/models/latent-grid'
import { videoCoordinates } from '../../workers/models/ltx/positions'
import { encodeAtOnce } from '../../workers/models/starter/runtime'
import { encodeFrames } from '../../workers/pipeline/encode-frames'
import { injectConditioning, type ConditioningLatents } from '../../workers/pipeline/inject-conditioning'
import { clipOf, type LatentSizes } from './pipeline-sizes'
import { need, openWeights, readJson, type HostTensor, type ParityCase } from './read-case'
import type { Precision } from './read-case'

/** Where a loop with conditions starts: the grid's tokens, then the appended ones. */
export interface KnownStart {
  /** [1, N + K, C] */
  tokens: HostTensor
  /** f32 [1, 3, N + K] */
  coordinates: Float32Array
  /** f32 [N + K] */
  strengths: Float32Array
  /** K */
  appended: number
}

/**
 * With `in.noise` (the grid's, [B, N, C], before anything is in it) everything is made from it and the pixels. Without it
 * the tokens are `in.latents`, as they were when the reference had placed them, and only places and strengths are ours.
 */
export async function knownStart(scope: Scope, parityCase: ParityCase, precision: Precision, sizes: LatentSizes, clip: number): Promise<KnownStart> {
  const { inputs } = parityCase
  const given = clipOf(need(parityCase, 'latents'), clip)
  const channels = given.shape[2] as number
  const grid: LatentGrid = { channels, frames: sizes.frames, height: sizes.height, width: sizes.width }
  const gridValues = channels * grid.frames * grid.height * grid.width
  const known = await encodeConditions(scope, parityCase, precision, grid, sizes, clip)
  const noise = inputs.has('noise') ? clipOf(need(parityCase, 'noise'), clip).values : given.values.slice(-gridValues)
  const {
    latent,
    strengths: ofFrames,
    appended,
  } = injectConditioning(noise, grid, sizes.time, known, (index, count) => {
    const drawn = inputs.get(`condition_noise.${index}`)
    return drawn?.shape.length === 5 ? channelsLast(clipOf(drawn, clip).values, channels) : new Float32Array(count)
  })
  const perFrame = grid.height * grid.width
  const strengths = Float32Array.from({ length: ofFrames.length * perFrame }, (_, token) => ofFrames[Math.floor(token / perFrame)] as number)
  const count = strengths.length
  const placed = { shape: [1, count, channels], values: latent }
  const places = { unit: 'seconds', timeScale: 1, spaceScale: sizes.space, scaleTime: sizes.time, fps: sizes.fps } as const
  const extra = count - gridValues / channels
  const asGiven = !inputs.has('noise') && given.values.length === placed.values.length
  return {
    tokens: asGiven ? gridFirst(given, extra) : placed,
    coordinates: videoCoordinates(grid, places, appended),
    strengths,
    appended: extra,
  }
}

/** The reference's order → ours: `appended` tokens from the front to the back. [1, N + K, C] */
export function gridFirst(tokens: HostTensor, appended: number): HostTensor {
  return turned(tokens, appended)
}

/** Our order → the reference's, leaving out the first `dropped` of its tokens. */
export function referenceOrder(tokens: HostTensor, appended: number, dropped = 0): HostTensor {
  const [, count = 0, channels = 0] = tokens.shape
  const { values } = turned(tokens, count - appended)
  return { shape: [1, count - dropped, channels], values: values.slice(dropped * channels) }
}

/** The first `front` tokens go to the back. */
function turned({ shape, values }: HostTensor, front: number): HostTensor {
  const split = front * (shape[2] as number)
  return { shape, values: Float32Array.from([...values.subarray(split), ...values.subarray(0, split)]) }
}

async function encodeConditions(
  scope: Scope,
  parityCase: ParityCase,
  precision: Precision,
  grid: LatentGrid,
  { time }: LatentSizes,
  clip: number,
): Promise<ConditioningLatents[]> {
  const { folder, inputs, scalars } = parityCase
  const config = readJson(join(folder, 'vae/config.json'))
  const dtype = precision === 'f32' || !scope.gpu.facts.f16 ? 'f32' : 'f16' // quantization is for transformers alone
  const { signal } = new AbortController()
  const autoencoder = await LtxAutoencoder.load(signal, scope, config, await openWeights(join(folder, 'vae')), dtype, 'encoder')
  const encoder: FrameEncoder = {
    encode: encodeAtOnce((own, video) => autoencoder.encode(own, video).mean),
    mean: autoencoder.latentsMean,
    std: autoencoder.latentsStd,
    scaleTime: time,
  }
  const known: ConditioningLatents[] = []
  for (let index = 0; inputs.has(`condition.${index}`); index++) {
    const { shape, values } = clipOf(need(parityCase, `condition.${index}`), clip)
    const [height = 0, width = 0] = shape.slice(-2)
    const frames = shape.length === 5 ? (shape[2] as number) : 1
    const pixels = channelsLast(values, 3) // [3, F, H, W] → [F, H, W, 3]
    const read = (own: Scope) => own.upload(pixels, [frames, height, width, 3], 'f32')
    const at = { atFrame: scalarAt(scalars['frame_index'], index) ?? 0, strength: scalarAt(scalars['strength'], index) ?? 1 }
    known.push({ values: await encodeFrames({ signal }, scope, encoder, grid, { frames, height, width, read }), ...at })
  }
  return known
}

/** One number for all, or one each. */
function scalarAt(value: unknown, index: number): number | undefined {
  const own: unknown = Array.isArray(value) ? value[index] : value
  return typeof own === 'number' ? own : undefined
}
