import type { Scope } from '../../workers/engine/scope'
import { KinoraAutoencoder } from '../../workers/models/kinora-autoencoder'
import { need, readWeights, type HostTensor, type ParityCase } from './read-case'
import type { Outputs, Precision } from './run-case'

/** KinoraAutoencoder.decode: raw z [1, Z, T, h, w] → sample [1, 3, F, H, W] */
export async function runKinoraDecode(scope: Scope, parityCase: ParityCase, precision: Precision): Promise<Outputs> {
  const autoencoder = load(scope, parityCase, precision)
  const video = autoencoder.decodeTensor(scope, uploadChannelsLast(scope, need(parityCase, 'z')))
  return new Map([['sample', channelsFirst(await scope.gpu.read(video), video.shape)]])
}

/** KinoraAutoencoder.encode: sample [1, 3, F, H, W] → mean [1, Z, T, h, w], raw */
export async function runKinoraEncode(scope: Scope, parityCase: ParityCase, precision: Precision): Promise<Outputs> {
  const autoencoder = load(scope, parityCase, precision)
  const z = autoencoder.encode(scope, uploadChannelsLast(scope, need(parityCase, 'sample')))
  return new Map([['mean', channelsFirst(await scope.gpu.read(z), z.shape)]])
}

function load(scope: Scope, { config, folder }: ParityCase, precision: Precision): KinoraAutoencoder {
  return KinoraAutoencoder.load(scope, config, readWeights(folder), precision === 'f32' ? 'f32' : 'f16')
}

/** [1, C, F, H, W] → [F, H, W, C] on the GPU */
function uploadChannelsLast(scope: Scope, { shape, values }: HostTensor) {
  const [batch = 0, channels = 0, frames = 0, height = 0, width = 0] = shape
  if (batch !== 1) throw new Error(`expected a batch of 1, got [${shape.join(', ')}]`)
  const pixels = frames * height * width
  const moved = Float32Array.from(values, (_, i) => values[(i % channels) * pixels + Math.floor(i / channels)] as number)
  return scope.upload(moved, [frames, height, width, channels], 'f32')
}

/** [F, H, W, C] → [1, C, F, H, W] */
function channelsFirst(values: Float32Array, [frames = 0, height = 0, width = 0, channels = 0]: readonly number[]): HostTensor {
  const pixels = frames * height * width
  const moved = Float32Array.from(values, (_, i) => values[(i % pixels) * channels + Math.floor(i / pixels)] as number)
  return { shape: [1, channels, frames, height, width], values: moved }
}
