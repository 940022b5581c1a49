// What LTXConditionPipeline does before its loop, by the code of every clip: encode the conditions, mix them with noise and
// inject them. The reference has appended tokens before the grid's own, Kinora after them.
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
export interface ConditionedStart {
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
 * With `in.noise` (the grid's, [B, N, C], before injection) the start is computed from it and the pixels. Without it the
 * tokens are `in.latents`, as the reference injected them, and only positions and strengths are computed.
 */
export async function conditionedStart(
  scope: Scope,
  parityCase: ParityCase,
  precision: Precision,
  sizes: LatentSizes,
  clip: number,
): Promise<ConditionedStart> {
  const { inputs } = parityCase
  const given = clipOf(need(parityCase, 'latents'), clip)
  const channels = given.shape[2] as number
  const grid: LatentGrid = { channels, frames: sizes.frames, height: sizes.height, width: sizes.width }
  const gridValues = channels * grid.frames * grid.height * grid.width
  const conditioning = await encodeConditions(scope, parityCase, precision, grid, sizes, clip)
  const noise = inputs.has('noise') ? clipOf(need(parityCase, 'noise'), clip).values : given.values.slice(-gridValues)
  const {
    latent,
    strengths: ofFrames,
    appended,
  } = injectConditioning(noise, grid, sizes.time, conditioning, (index, count) => {
    const drawn = inputs.get(`condition_noise.${index}`)
    return drawn?.shape.length === 5 ? channelsLast(clipOf(drawn, clip).values, channels) : new Float32Array(count)
  })
  const perFrame = grid.height * grid.width
  const strengths = Float32Array.from({ length: ofFrames.length * perFrame }, (_, token) => ofFrames[Math.floor(token / perFrame)] as number)
  const count = strengths.length
  const injected = { shape: [1, count, channels], values: latent }
  const positions = { unit: 'seconds', timeScale: 1, spaceScale: sizes.space, scaleTime: sizes.time, fps: sizes.fps } as const
  const extra = count - gridValues / channels
  const asGiven = !inputs.has('noise') && given.values.length === injected.values.length
  return {
    tokens: asGiven ? gridFirst(given, extra) : injected,
    coordinates: videoCoordinates(grid, positions, appended),
    strengths,
    appended: extra,
  }
}

/** The reference's order → Kinora's: moves `appended` tokens from the front to the back. [1, N + K, C] */
export function gridFirst(tokens: HostTensor, appended: number): HostTensor {
  return rotated(tokens, appended)
}

/** Kinora's order → the reference's, without the first `dropped` tokens. */
export function referenceOrder(tokens: HostTensor, appended: number, dropped = 0): HostTensor {
  const [, count = 0, channels = 0] = tokens.shape
  const { values } = rotated(tokens, count - appended)
  return { shape: [1, count - dropped, channels], values: values.slice(dropped * channels) }
}

/** Moves the first `front` tokens to the back. */
function rotated({ shape, values }: HostTensor, front: number): HostTensor {
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
  const dtype = precision === 'f32' || !scope.gpu.facts.f16 ? 'f32' : 'f16' // only transformers are quantized
  const { signal } = new AbortController()
  const autoencoder = await LtxAutoencoder.load(signal, scope, config, await openWeights(join(folder, 'vae')), dtype, 'encoder')
  const encoder: FrameEncoder = {
    encode: encodeAtOnce((own, video) => autoencoder.encode(own, video).mean),
    mean: autoencoder.latentsMean,
    std: autoencoder.latentsStd,
    scaleTime: time,
  }
  const conditioning: ConditioningLatents[] = []
  for (let index = 0; inputs.has(`condition.${index}`); index++) {
    const { shape, values } = clipOf(need(parityCase, `condition.${index}`), clip)
    const [height = 0, width = 0] = shape.slice(-2)
    const frames = shape.length === 5 ? (shape[2] as number) : 1
    const pixels = channelsLast(values, 3) // [3, F, H, W] → [F, H, W, 3]
    const read = (own: Scope) => own.upload(pixels, [frames, height, width, 3], 'f32')
    const at = { atFrame: scalarAt(scalars['frame_index'], index) ?? 0, strength: scalarAt(scalars['strength'], index) ?? 1 }
    conditioning.push({ values: await encodeFrames({ signal }, scope, encoder, grid, { frames, height, width, read }), ...at })
  }
  return conditioning
}

/** One number for all conditions, or one each. */
function scalarAt(value: unknown, index: number): number | undefined {
  const own: unknown = Array.isArray(value) ? value[index] : value
  return typeof own === 'number' ? own : undefined
}
