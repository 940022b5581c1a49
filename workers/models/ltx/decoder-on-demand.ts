// A large autoencoder whose decoder is on the GPU only while it decodes: beside the transformer where there is room for both, else
// in its place. Previews need its statistics alone.
import type { Gpu } from '../../engine/device'
import { fitsInMemory } from '../../engine/buffer-pool'
import { Scope } from '../../engine/scope'
import { elementCount, tensorBytes, type FloatDType, type Tensor } from '../../engine/tensor'
import type { DecodeNoise, FramesToPixels, VideoDecoder } from '../autoencoder'
import { linearPreview } from '../linear-preview'
import { LtxAutoencoder, rawStatistics, readStatistics } from './autoencoder'
import { TiledLtxAutoencoder } from './autoencoder-tiled'
import { TensorReader } from '../../weights/tensor-reader'
import type { TensorTable } from '../../weights/tensor-table'

/** What decoding works in beside its weights, about. */
const WORK_BYTES = 2 ** 29

/** Decodes with weights that it reads at each clip. */
export class DecoderOnDemand implements VideoDecoder {
  private constructor(
    readonly config: VideoDecoder['config'],
    private readonly autoencoder: unknown,
    private readonly weights: TensorReader,
    private readonly dtype: FloatDType,
    private readonly preset: { decodeTimestep: number; decodeNoiseScale: number },
    private readonly freeOthers: () => void,
  ) {}

  /**
   * Reads the statistics; the decoder's weights when they are needed.
   * @param autoencoder config of AutoencoderKLLTXVideo
   * @param table of its tensors, perhaps among a transformer's; wherever they lie
   * @param preset how it decodes
   * @param freeOthers frees what else is on the GPU for the model
   * @throws AppError weights-corrupt
   */
  static async open(
    signal: AbortSignal,
    autoencoder: unknown,
    table: TensorTable,
    dtype: FloatDType,
    preset: { decodeTimestep: number; decodeNoiseScale: number },
    freeOthers: () => void,
  ): Promise<DecoderOnDemand> {
    const weights = new TensorReader(table)
    const config = rawStatistics(await readStatistics(signal, autoencoder, weights))
    return new DecoderOnDemand(config, autoencoder, weights, dtype, preset, freeOthers)
  }

  /** See VideoDecoder. */
  async *decode(
    signal: AbortSignal,
    scope: Scope,
    z: Tensor,
    noise?: DecodeNoise,
    pixels?: FramesToPixels,
  ): AsyncGenerator<Uint8ClampedArray<ArrayBuffer>, void, undefined> {
    const { gpu } = scope
    await this.makeRoom(gpu)
    const own = new Scope(gpu)
    try {
      const whole = await LtxAutoencoder.load(signal, own, this.autoencoder, this.weights, this.dtype, 'decoder')
      await gpu.settle()
      const { decodeTimestep: timestep, decodeNoiseScale: noiseScale } = this.preset
      yield* new TiledLtxAutoencoder(whole, { decode: { timestep, noiseScale } }).decode(signal, scope, z, noise, pixels)
    } finally {
      own.close()
      await gpu.settle()
      gpu.pool.drain()
    }
  }

  private async makeRoom(gpu: Gpu): Promise<void> {
    await gpu.settle() // what is drained must not be waited for by dispatches
    gpu.pool.drain()
    if (await fitsInMemory(gpu.device, tensorBytes([decoderValues(this.weights.table)], this.dtype) + WORK_BYTES)) return
    this.freeOthers()
    gpu.pool.drain()
  }

  /** See linearPreview. */
  preview(scope: Scope, z: Tensor): Tensor {
    return linearPreview(scope, this.config, z)
  }
}

/** How many numbers the decoder's weights are. */
function decoderValues({ entries }: TensorTable): number {
  return [...entries].reduce((sum, [name, { shape }]) => sum + (/(^|\.)decoder\./.test(name) ? elementCount(shape) : 0), 0)
}
