// The other half of a large autoencoder: read and on the GPU only while a picture or clip is encoded.
import { Scope } from '../../engine/scope'
import type { FloatDType } from '../../engine/tensor'
import type { VideoDecoder } from '../autoencoder'
import { LtxAutoencoder } from './autoencoder'
import { TiledLtxAutoencoder } from './autoencoder-tiled'
import { TensorReader } from '../../weights/tensor-reader'
import type { TensorTable } from '../../weights/tensor-table'
import type { FrameEncoder } from '../architecture'

/**
 * Encodes with weights that it reads each time.
 * @param autoencoder config of AutoencoderKLLTXVideo
 * @param table of its tensors, perhaps among a transformer's
 * @param statistics of its latents
 * @param scaleTime T, pixel frames of a latent frame
 */
export function encoderOnDemand(
  autoencoder: unknown,
  table: TensorTable,
  dtype: FloatDType,
  { latents_mean, latents_std }: VideoDecoder['config'],
  scaleTime: number,
): FrameEncoder {
  return {
    mean: latents_mean,
    std: latents_std,
    scaleTime,
    async encode(signal, scope, frames) {
      const { gpu } = scope
      const own = new Scope(gpu)
      try {
        const whole = await LtxAutoencoder.load(signal, own, autoencoder, new TensorReader(table), dtype, 'encoder')
        const { mean, logVariance } = await new TiledLtxAutoencoder(whole).encode(signal, scope, frames)
        scope.free(logVariance)
        return mean
      } finally {
        own.close()
        await gpu.settle()
        gpu.pool.drain()
      }
    },
  }
}
