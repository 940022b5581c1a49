// The starter's autoencoder: 16×16 pixels of 4 frames ↔ one latent pixel. Each direction is a linear map (the skip) plus a
// convolutional branch. Only the coarsest level looks back in time, by one latent frame, so the rest runs frame by frame.
//
// F pixel frames (4k + 1)   T latent frames (k + 1)   H, W pixels   h, w latent pixels (H/16, W/16)
// Z latent channels   c0, c1, c2 features at H/4, H/8, H/16
import type { Scope } from '../../engine/scope'
import { dim, type FloatDType, type Tensor } from '../../engine/tensor'
import { conv } from '../../ops/conv'
import { placeFrames, sliceFrames } from '../../ops/frames'
import { framesToRgba } from '../../ops/frames-to-rgba'
import { norm } from '../../ops/norm'
import { pixelShuffle, pixelUnshuffle } from '../../ops/pixel-shuffle'
import type { DecodeNoise, FramesToPixels, VideoDecoder } from '../autoencoder'
import { parseKinoraAutoencoderConfig, type KinoraAutoencoderConfig } from './autoencoder-config'
import { loadDecoder, loadEncoder, type Decoder, type Encoder, type ResidualBlock } from './autoencoder-weights'
import { readFrames } from '../read-frames'
import type { WeightSource } from '../weight-source'

/** Encodes and decodes clips of 4k + 1 frames. Latents here are raw and channels last: f32 [T, h, w, Z]. */
export class KinoraAutoencoder implements VideoDecoder {
  private constructor(
    readonly config: KinoraAutoencoderConfig,
    private readonly encoder: Encoder,
    private readonly decoder: Decoder,
    private readonly dtype: FloatDType,
  ) {}

  /**
   * Uploads the weights into `scope`.
   * @param dtype of weights and activations; the residual stream and sums are f32 in any case
   * @throws AppError weights-corrupt
   */
  static load(scope: Scope, config: unknown, weights: WeightSource, dtype: FloatDType): KinoraAutoencoder {
    const sizes = parseKinoraAutoencoderConfig(config)
    return new KinoraAutoencoder(sizes, loadEncoder(scope, weights, sizes, dtype), loadDecoder(scope, weights, sizes, dtype), dtype)
  }

  /**
   * Decodes z, f32 [T, h, w, Z], into groups of frames in time order; see VideoDecoder. The first group is one
   * frame, the others patch_size_t. Needs no noise. Holds two groups at a time; frees what it made when it ends, is returned early, or the signal fires.
   */
  async *decode(
    signal: AbortSignal,
    scope: Scope,
    z: Tensor,
    _noise?: DecodeNoise,
    pixels: FramesToPixels = framesToRgba,
  ): AsyncGenerator<Uint8ClampedArray<ArrayBuffer>, void, undefined> {
    await scope.gpu.compile(() => this.warmUpDecode(scope, z, pixels)) // without blocking; free after the first time
    const features = this.decodeCoarse(scope, z)
    try {
      yield* readFrames(signal, scope, this.decodeGroups(scope, z, features, pixels))
    } finally {
      scope.free(features)
    }
  }

  /** Each latent frame's pictures on the GPU, in `scope`. */
  private *decodeGroups(scope: Scope, z: Tensor, features: Tensor, pixels: FramesToPixels): Generator<Tensor, void, undefined> {
    for (let t = 0; t < dim(z, 0); t++) yield scope.within((temporary) => pixels(scope, this.decodeFrame(temporary, z, features, t)))
  }

  /** The whole clip as one tensor, f32 [F, H, W, 3] in −1..1. For short clips: its memory grows with the length. */
  decodeTensor(scope: Scope, z: Tensor): Tensor {
    const { patch_size: patch, patch_size_t: time } = this.config
    const frames = (dim(z, 0) - 1) * time + 1
    const video = scope.alloc([frames, dim(z, 1) * patch, dim(z, 2) * patch, 3])
    scope.within((temporary) => {
      const features = this.decodeCoarse(temporary, z)
      for (let t = 0; t < dim(z, 0); t++) {
        scope.within((inner) => placeFrames(scope, video, t === 0 ? 0 : (t - 1) * time + 1, this.decodeFrame(inner, z, features, t)))
      }
    })
    return video
  }

  /** A moving picture at a quarter of the size by the linear map alone, u32 [F, H/4, W/4]: a few thousandths of the work of decode. */
  preview(scope: Scope, z: Tensor): Tensor {
    const { patch_size_t: time, stem_patch: space } = this.config
    return scope.within((temporary) => {
      const cells = conv(temporary, z, this.decoder.previewSkip, { dtype: 'f32' }) // [T, h, w, 3·4·4·4]
      return framesToRgba(scope, pixelShuffle(temporary, cells, { time, space, dropFirst: time - 1 }))
    })
  }

  /** video [F, H, W, 3] in −1..1 → z, f32 [T, h, w, Z] */
  encode(scope: Scope, video: Tensor): Tensor {
    const { patch_size: patch, patch_size_t: time, channels, latent_channels: latents } = this.config
    const [frames, height, width] = [dim(video, 0), dim(video, 1), dim(video, 2)]
    if ((frames - 1) % time || height % patch || width % patch) {
      throw new Error(`encode: expected ${time}·k + 1 frames in whole patches of ${patch}, got [${video.shape.join(', ')}].`)
    }
    const grid = [(frames - 1) / time + 1, height / patch, width / patch] as const
    return scope.within((temporary) => {
      const features = temporary.alloc([...grid, channels[2]])
      const linear = temporary.alloc([...grid, latents])
      for (let t = 0; t < grid[0]; t++) {
        scope.within((inner) => {
          const group = t === 0 ? sliceFrames(inner, video, 0, 1) : sliceFrames(inner, video, (t - 1) * time + 1, time)
          const whole = { time, repeatFirst: t === 0 ? time - 1 : 0 } // the first frame stands for its whole group
          const patches = pixelUnshuffle(inner, group, { ...whole, space: patch }) // [1, h, w, 3·4·16·16]
          placeFrames(scope, linear, t, conv(inner, patches, this.encoder.skip, { dtype: 'f32' }))
          placeFrames(scope, features, t, this.encodeFine(inner, group, whole))
        })
      }
      const approximate = this.runBlocks(temporary, features, this.encoder.stages[2]) // [T, h, w, c2]
      const active = norm(temporary, approximate, { ...this.rms(this.encoder.normOut), dtype: this.dtype })
      return conv(scope, active, this.encoder.convOut, { addTo: linear, dtype: 'f32' }) // [T, h, w, Z]
    })
  }

  /** The two finer levels of one latent frame's group of frames → [1, h, w, c2] */
  private encodeFine(scope: Scope, group: Tensor, whole: { time: number; repeatFirst: number }): Tensor {
    const { stages, downs, convIn } = this.encoder
    const stem = pixelUnshuffle(scope, group, { ...whole, space: this.config.stem_patch, dtype: this.dtype }) // [1, H/4, W/4, 3·4·4·4]
    let x = conv(scope, stem, convIn, { dtype: 'f32' }) // [1, H/4, W/4, c0]
    for (const level of [0, 1] as const) {
      x = this.runBlocks(scope, x, stages[level])
      x = conv(scope, pixelUnshuffle(scope, x, { space: 2 }), downs[level]) // half the sides, c(level + 1)
    }
    return x
  }

  /** The level that looks back in time, for all latent frames: z → f32 [T, h, w, c2] in `scope` */
  private decodeCoarse(scope: Scope, z: Tensor): Tensor {
    return scope.within((temporary) => {
      const x = conv(temporary, z, this.decoder.convIn, { dtype: 'f32' })
      return this.runBlocks(temporary, x, this.decoder.stages[0], scope)
    })
  }

  /** The finer levels of latent frame t → f32 [4, H, W, 3] in −1..1, or [1, H, W, 3] of the first */
  private decodeFrame(scope: Scope, z: Tensor, features: Tensor, t: number): Tensor {
    const { patch_size: patch, patch_size_t: time, stem_patch: stem } = this.config
    const { stages, ups, normOut, convOut, skip } = this.decoder
    const dropFirst = t === 0 ? time - 1 : 0
    let x = sliceFrames(scope, features, t, 1) // [1, h, w, c2]
    for (const level of [0, 1] as const) {
      x = pixelShuffle(scope, conv(scope, x, ups[level]), { space: 2 }) // twice the sides, c(1 − level)
      x = this.runBlocks(scope, x, stages[level === 0 ? 1 : 2])
    }
    const active = norm(scope, x, { ...this.rms(normOut), dtype: this.dtype })
    const detail = conv(scope, active, convOut, { dtype: 'f32' }) // [1, H/4, W/4, 3·4·4·4]
    const patches = conv(scope, sliceFrames(scope, z, t, 1), skip, { dtype: 'f32' }) // [1, h, w, 3·4·16·16]
    const smooth = pixelShuffle(scope, patches, { time, space: patch, dropFirst }) // [4, H, W, 3]
    return pixelShuffle(scope, detail, { time, space: stem, dropFirst, addTo: smooth, limit: 1 })
  }

  /** x + conv2(silu(norm2(conv1(silu(norm1(x)))))) for each block; x and the result are f32, the result in `target` */
  private runBlocks(scope: Scope, x: Tensor, blocks: readonly ResidualBlock[], target = scope): Tensor {
    blocks.forEach((block, index) => {
      const owner = index === blocks.length - 1 ? target : scope
      x = scope.within((temporary) => {
        const first = norm(temporary, x, { ...this.rms(block.norm1), dtype: this.dtype })
        const inner = conv(temporary, first, block.conv1)
        return conv(owner, norm(temporary, inner, this.rms(block.norm2)), block.conv2, { addTo: x, dtype: 'f32' })
      })
    })
    return x
  }

  private rms(weight: Tensor) {
    return { kind: 'rms', eps: this.config.eps, weight, activation: 'silu' } as const
  }

  /** See VideoDecoder. */
  warmUpDecode(scope: Scope, z: Tensor, pixels: FramesToPixels = framesToRgba): void {
    scope.within((temporary) => void pixels(temporary, this.decodeFrame(temporary, z, this.decodeCoarse(temporary, z), 0)))
  }
}
