// The first LTX-Video's autoencoder with gains that take activations past what 16-bit floats hold.
import { expect, it } from 'vitest'
import { withScope, type Scope } from '../../workers/engine/scope'
import type { FloatDType } from '../../workers/engine/tensor'
import type { FloatStream } from '../../workers/models/float-stream'
import { LtxAutoencoder } from '../../workers/models/ltx/autoencoder'
import { TiledLtxAutoencoder } from '../../workers/models/ltx/autoencoder-tiled'
import { openWeights, readCase } from '../parity/read-case'
import { testGpu } from './open-gpu'
import { randomValues, relativeError } from './reference'

const gpu = await testGpu()
const { signal } = new AbortController()
const FOLDER = 'tests/parity/ltx_autoencoder_090_encode'
const SIDE = 32
const GAIN = 1e5

/** The same weights, with the gains of the norms around blocks enlarged. */
function withLargeGains(weights: FloatStream): FloatStream {
  return {
    has: (name) => weights.has(name),
    floats: async (reading, name, shape) => (await weights.floats(reading, name, shape)).map((value) => (name.includes('norm3') ? GAIN * value : value)),
    floatPieces: (reading, name, shape) => weights.floatPieces(reading, name, shape),
  }
}

it.runIf(gpu.facts.f16).each([1, 9])('encodes %d frames in f16 as in f32, at once and in time order', async (frames) => {
  const video = randomValues(3, frames * SIDE * SIDE * 3)
  const weights = withLargeGains(await openWeights(FOLDER))
  const encode = (dtype: FloatDType) =>
    withScope(gpu, async (scope) => {
      const autoencoder = await LtxAutoencoder.load(signal, scope, readCase(FOLDER).config, weights, dtype, 'encoder')
      const upload = (own: Scope, from: number, count: number) =>
        own.upload(video.slice(from * SIDE * SIDE * 3, (from + count) * SIDE * SIDE * 3), [count, SIDE, SIDE, 3], 'f32')
      const atOnce = await gpu.read(autoencoder.encode(scope, upload(scope, 0, frames)).mean)
      const source = { frames, height: SIDE, width: SIDE, read: upload }
      const inOrder = await gpu.read((await new TiledLtxAutoencoder(autoencoder).encode(signal, scope, source)).mean)
      return { atOnce, inOrder }
    })
  const [half, single] = [await encode('f16'), await encode('f32')]
  expect(relativeError(half.atOnce, single.atOnce)).toBeLessThan(1e-2)
  expect(relativeError(half.inOrder, single.atOnce)).toBeLessThan(1e-2)
})
