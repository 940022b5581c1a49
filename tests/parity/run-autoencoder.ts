// Both autoencoders. Clips go through one at a time, channels last.
import type { Scope } from '../../workers/engine/scope'
import type { FloatDType, Tensor } from '../../workers/engine/tensor'
import { KinoraAutoencoder } from '../../workers/models/starter/autoencoder'
import { LtxAutoencoder } from '../../workers/models/ltx/autoencoder'
import type { NoiseField } from '../../workers/models/ltx/autoencoder-block'
import { need, openWeights, readWeights, type HostTensor, type ParityCase } from './read-case'
import type { Outputs, Precision } from './read-case'

const { signal } = new AbortController()

/** Only linear layers of transformers are quantized; an autoencoder then runs as beside a quantized one. */
function dtypeOf(scope: Scope, precision: Precision): FloatDType {
  return precision === 'f32' || !scope.gpu.facts.f16 ? 'f32' : 'f16'
}

/** AutoencoderKLLTXVideo.decode */
export async function decodeLtx(scope: Scope, parityCase: ParityCase, precision: Precision): Promise<Outputs> {
  const autoencoder = await LtxAutoencoder.load(signal, scope, parityCase.config, await openWeights(parityCase.folder), dtypeOf(scope, precision), 'decoder')
  const times = parityCase.inputs.get('temb')?.values
  const noise: NoiseField = (parameter) => need(parityCase, `noise.${parameter}`).values
  const clips = await perClip(scope, need(parityCase, 'z'), (own, z, index) => {
    const timestep = times?.[index]
    return autoencoder.decode(own, z, { noise, ...(timestep !== undefined && { timestep }) })
  })
  return new Map([['sample', channelsFirst(clips)]])
}

/** AutoencoderKLLTXVideo.encode */
export async function encodeLtx(scope: Scope, parityCase: ParityCase, precision: Precision): Promise<Outputs> {
  const autoencoder = await LtxAutoencoder.load(signal, scope, parityCase.config, await openWeights(parityCase.folder), dtypeOf(scope, precision), 'encoder')
  const sample = need(parityCase, 'sample')
  const mean = channelsFirst(await perClip(scope, sample, (own, video) => autoencoder.encode(own, video).mean))
  const one = channelsFirst(await perClip(scope, sample, (own, video) => autoencoder.encode(own, video).logVariance))
  // the reference repeats the one log-variance for every channel, and clamps it
  const logvar = new Float32Array(mean.values.length)
  const pixels = mean.shape.slice(2).reduce((product, size) => product * size, 1)
  const channels = mean.shape[1] as number
  logvar.forEach((_, index) => {
    const clip = Math.floor(index / (channels * pixels))
    logvar[index] = Math.min(20, Math.max(-30, one.values[clip * pixels + (index % pixels)] as number))
  })
  return new Map([
    ['mean', mean],
    ['logvar', { shape: mean.shape, values: logvar }],
  ])
}

/** KinoraAutoencoder.decode */
export async function decodeKinora(scope: Scope, parityCase: ParityCase, precision: Precision): Promise<Outputs> {
  const autoencoder = KinoraAutoencoder.load(scope, parityCase.config, readWeights(parityCase.folder), dtypeOf(scope, precision))
  const clips = await perClip(scope, need(parityCase, 'z'), (own, z) => autoencoder.decodeTensor(own, z))
  return new Map([['sample', channelsFirst(clips)]])
}

/** KinoraAutoencoder.encode */
export async function encodeKinora(scope: Scope, parityCase: ParityCase, precision: Precision): Promise<Outputs> {
  const autoencoder = KinoraAutoencoder.load(scope, parityCase.config, readWeights(parityCase.folder), dtypeOf(scope, precision))
  const clips = await perClip(scope, need(parityCase, 'sample'), (own, video) => autoencoder.encode(own, video))
  return new Map([['mean', channelsFirst(clips)]])
}

/** Runs every clip of [B, C, F, H, W] as f32 [F, H, W, C]; the results channels last too. */
async function perClip(scope: Scope, { shape, values }: HostTensor, run: (own: Scope, clip: Tensor, index: number) => Tensor): Promise<HostTensor[]> {
  const [batch = 0, channels = 0, ...grid] = shape
  const pixels = grid.reduce((product, size) => product * size, 1)
  const clips: HostTensor[] = []
  for (let index = 0; index < batch; index++) {
    const last = new Float32Array(channels * pixels)
    last.forEach((_, at) => (last[at] = values[(index * channels + (at % channels)) * pixels + Math.floor(at / channels)] as number))
    const input = scope.upload(last, [...grid, channels], 'f32')
    await scope.gpu.compile(() => scope.within((own) => void run(own, input, index)))
    const result = run(scope, input, index)
    clips.push({ shape: result.shape, values: await scope.gpu.read(result) })
  }
  return clips
}

/** Clips [F, H, W, C] as one [B, C, F, H, W]. */
function channelsFirst(clips: readonly HostTensor[]): HostTensor {
  const [first] = clips
  if (!first) throw new Error('no clips')
  const channels = first.shape.at(-1) as number
  const grid = first.shape.slice(0, -1)
  const pixels = first.values.length / channels
  const values = new Float32Array(clips.length * first.values.length)
  clips.forEach((clip, index) =>
    clip.values.forEach((value, at) => (values[(index * channels + (at % channels)) * pixels + Math.floor(at / channels)] = value)),
  )
  return { shape: [clips.length, channels, ...grid], values }
}
