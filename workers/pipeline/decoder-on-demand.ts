// A large autoencoder whose decoder is on the GPU only while it decodes: beside the transformer where there is room for both, else
// in its place. Previews need its statistics alone.
import type { Preview } from '../../src/shared/job'
import type { Gpu } from '../engine/device'
import { fitsInMemory } from '../engine/fits-memory'
import { Scope } from '../engine/scope'
import { tensorBytes, type FloatDType, type Tensor } from '../engine/tensor'
import type { DecodeNoise, VideoDecoder } from '../models/autoencoder'
import { linearPreview, linearPreviewFrames } from '../models/linear-preview'
import { LtxAutoencoder, rawStatistics, readStatistics } from '../models/ltx-autoencoder'
import { TiledLtxAutoencoder } from '../models/ltx-autoencoder-tiled'
import type { WeightSource } from '../models/weight-source'

/** What decoding works in beside its weights, about. */
const WORK_BYTES = 2 ** 29

/** Decodes with weights that it reads at each clip. */
export class DecoderOnDemand implements VideoDecoder {
  readonly config: VideoDecoder['config']

  /**
   * @param autoencoder config of AutoencoderKLLTXVideo
   * @param weights read when they are asked for
   * @param decoderValues how many numbers the decoder's weights are
   * @param preset how it decodes
   * @param freeOthers frees what else is on the GPU for the model
   */
  constructor(
    private readonly autoencoder: unknown,
    private readonly weights: WeightSource,
    private readonly decoderValues: number,
    private readonly dtype: FloatDType,
    private readonly preset: { decodeTimestep: number; decodeNoiseScale: number },
    private readonly freeOthers: () => void,
  ) {
    this.config = rawStatistics(readStatistics(autoencoder, weights))
  }

  /** See VideoDecoder. */
  async *decode(scope: Scope, z: Tensor, noise?: DecodeNoise): AsyncGenerator<Uint8ClampedArray<ArrayBuffer>, void, undefined> {
    const { gpu } = scope
    await this.makeRoom(gpu)
    const own = new Scope(gpu)
    try {
      const whole = LtxAutoencoder.load(own, this.autoencoder, this.weights, this.dtype, 'decoder')
      await gpu.settle()
      const { decodeTimestep: timestep, decodeNoiseScale: noiseScale } = this.preset
      yield* new TiledLtxAutoencoder(whole, { decode: { timestep, noiseScale } }).decode(scope, z, noise)
    } finally {
      own.close()
      await gpu.settle()
      gpu.pool.drain()
    }
  }

  private async makeRoom(gpu: Gpu): Promise<void> {
    await gpu.settle() // what is drained must not be waited for by dispatches
    gpu.pool.drain()
    if (await fitsInMemory(gpu.device, tensorBytes([this.decoderValues], this.dtype) + WORK_BYTES)) return
    this.freeOthers()
    gpu.pool.drain()
  }

  /** See linearPreview. */
  preview(scope: Scope, z: Tensor): Promise<Preview> {
    return linearPreview(scope, this.config, z)
  }

  /** See linearPreviewFrames. */
  previewFrames(scope: Scope, z: Tensor): Tensor {
    return linearPreviewFrames(scope, this.config, z)
  }
}
