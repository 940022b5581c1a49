// LTX-Video's autoencoder for clips of any length and pictures of any size: in time order (ltx-autoencoder-stream.ts), and
// where one picture is over the limit of a binding, in tiles with soft seams.
//
// Along space a tile cannot share all that the network looks at: 21 latent pixels on each side. The nearest ones count for
// almost all, so neighbours share OVERLAP of them, leave the outermost MARGIN out, and fade linearly over the rest. (diffusers'
// tiled_decode shares 2, and fades over both.) Up to about a megapixel there is one tile, and no seam.
//
// F, H, W  frames and pixels   f, h, w  their latents   Z latent channels
import { AppError } from '../../../src/shared/errors'
import { Scope } from '../../engine/scope'
import { dim, elementCount, type Tensor } from '../../engine/tensor'
import { add, affine } from '../../ops/elementwise'
import { sliceFrames } from '../../ops/frames'
import { framesToRgba } from '../../ops/frames-to-rgba'
import type { DecodeNoise, FramesToPixels, VideoDecoder } from '../autoencoder'
import { linearPreview } from '../linear-preview'
import { rawStatistics, type LatentDistribution, type LtxAutoencoder } from './autoencoder'
import type { NoiseField, Pass } from './autoencoder-block'
import { compressionOf, decoderSizes, encoderSizes } from './autoencoder-sizes'
import { runUnits } from './autoencoder-stream'
import { conditionDecoder, decoderUnits } from './autoencoder-units'
import type { Decoder } from './autoencoder-weights'
import type { FrameSource } from '../architecture'
import { encodeTiled } from './encode-tiled'
import { readFrames } from '../read-frames'
import { planTiles, type Tile, type TileOptions, type TilePlan, type UnitSize } from '../tile-plan'
import { blendTiles, cutTile } from '../tiles'

/** Latent pixels that neighbouring tiles share, and of them those at a tile's edge that are not used: 128 and 32 pixels. */
const OVERLAP = 4
const MARGIN = 1

/** How it decodes, by default as LTX-Video 0.9.5 and later are run; only where the autoencoder is conditioned on a timestep. */
export interface DecodeSettings {
  /** 0 … 1 */
  timestep: number
  /** the part of noise in the latents: z·(1 − s) + noise·s */
  noiseScale: number
}

/** Both directions over the weights of `whole`. */
export class TiledLtxAutoencoder implements VideoDecoder {
  readonly config: { latents_mean: readonly number[]; latents_std: readonly number[] }
  private readonly decodeSettings: DecodeSettings
  private readonly tiling: TileOptions

  constructor(
    readonly whole: LtxAutoencoder,
    options: { decode?: Partial<DecodeSettings>; tiling?: Partial<TileOptions> } = {},
  ) {
    this.config = rawStatistics(whole)
    this.decodeSettings = { timestep: 0.05, noiseScale: 0.025, ...options.decode }
    this.tiling = { overlap: OVERLAP, margin: MARGIN, ...options.tiling }
  }

  /** How a picture of h × w latent pixels is decoded. @throws AppError bad-request when it is too large */
  planDecode(grid: { height: number; width: number }): TilePlan {
    return planTiles(decoderSizes(this.whole.config), grid, this.tiling)
  }

  /** How a picture of h × w latent pixels is encoded. @throws AppError bad-request when it is too large */
  planEncode(grid: { height: number; width: number }): TilePlan {
    return planTiles(encoderSizes(this.whole.config), grid, this.tiling)
  }

  /** z f32 [f, h, w, Z] → frames; see VideoDecoder. Needs noise.latents where the autoencoder is conditioned on a timestep. */
  async *decode(
    signal: AbortSignal,
    scope: Scope,
    z: Tensor,
    noise: DecodeNoise = {},
    pixels: FramesToPixels = framesToRgba,
  ): AsyncGenerator<Uint8ClampedArray<ArrayBuffer>, void, undefined> {
    const { gpu } = scope
    const few = Math.min(dim(z, 0), 2) // their kernels are those of any number
    await gpu.compile(() => {
      scope.within((temporary) => {
        for (const group of this.decodeGroups(temporary, z, noise, pixels, few)) if (group) temporary.free(group)
      })
    })
    const own = new Scope(gpu)
    try {
      yield* readFrames(signal, own, this.decodeGroups(own, z, noise, pixels))
    } finally {
      own.close()
    }
  }

  /** The first `frames` latent frames' pictures on the GPU as `pixels` makes them, in `scope`, and nothing after each latent frame's dispatches. */
  private *decodeGroups(
    scope: Scope,
    z: Tensor,
    noise: DecodeNoise,
    pixels: FramesToPixels,
    frames = dim(z, 0),
  ): Generator<Tensor | undefined, void, undefined> {
    const grid = { height: dim(z, 1), width: dim(z, 2) }
    const { decoder } = this.whole
    if (!decoder) throw new Error('TiledLtxAutoencoder: loaded without its decoder.')
    const sizes = decoderSizes(this.whole.config)
    const plan = this.planDecode(grid)
    const pass = this.passOf(decoder)
    const conditioning = conditionDecoder(scope, decoder, pass, mostRows(sizes, plan))
    const mix = this.latentMixer(scope, z, noise)
    const streams = plan.tiles.map((tile) => {
      const own: Pass = { ...pass, ...(noise.field && { noise: croppedField(noise.field, grid, tile) }) }
      return { tile, units: decoderUnits({ memory: scope, pass: own }, decoder, this.whole.config, plan.atOnce, conditioning) }
    })
    for (let frame = 0; frame < frames; frame++) {
      const latent = mix(frame)
      // all tiles give the same number of frames at a time, for it depends on the number of frames pushed alone
      const groups = streams.map(({ tile, units }) => runUnits(scope, units, cutTile(scope, latent, tile), frame === frames - 1))
      scope.free(latent)
      for (;;) {
        const parts = groups.flatMap((group) => group.next().value ?? [])
        if (parts.length === 0) break
        yield* this.toPixels(
          scope,
          parts.map(({ frames }) => frames),
          plan.tiles,
          pixels,
        )
        for (const { frames } of parts) scope.free(frames)
      }
      yield undefined
    }
  }

  /** One tensor for all frames; of several tiles, one a frame, for a picture may be as large as a binding. */
  private *toPixels(scope: Scope, parts: readonly Tensor[], tiles: readonly Tile[], pixels: FramesToPixels): Generator<Tensor, void, undefined> {
    const [first] = parts
    if (!first) return
    if (parts.length === 1) {
      yield pixels(scope, first)
      return
    }
    const { space } = compressionOf(this.whole.config)
    const shape = [1, ...(['y', 'x'] as const).map((axis) => Math.max(...tiles.map((tile) => tile[axis].to)) * space), 3]
    for (let frame = 0; frame < dim(first, 0); frame++) {
      yield scope.within((inner) =>
        pixels(
          scope,
          blendTiles(
            inner,
            parts.map((part) => sliceFrames(inner, part, frame, 1)),
            tiles,
            shape,
            space,
          ),
        ),
      )
    }
  }

  private passOf(decoder: Decoder): Pass {
    const { decoder_causal: causal } = this.whole.config
    return {
      dtype: this.whole.dtype,
      time: causal ? 'causal' : 'both',
      ...(decoder.last && { timestep: this.decodeSettings.timestep * decoder.last.scale }),
    }
  }

  /** Latent frame i with its part of noise, f32 [1, h, w, Z] in `scope`. */
  private latentMixer(scope: Scope, z: Tensor, noise: DecodeNoise): (frame: number) => Tensor {
    const { timestep_conditioning: conditioned, latent_channels: channels } = this.whole.config
    const { noiseScale } = this.decodeSettings
    if (!conditioned || noiseScale === 0) return (frame) => sliceFrames(scope, z, frame, 1)
    const { latents } = noise
    if (latents?.length !== elementCount(z.shape)) {
      throw new AppError(
        'internal',
        `This decoder takes noise for its latents: expected ${elementCount(z.shape)} values, got ${latents?.length ?? 'none'}.`,
        {},
      )
    }
    const kept = scope.upload(new Float32Array(2 * channels).fill(1 - noiseScale, 0, channels), [2, channels], 'f32')
    const shape = [1, ...z.shape.slice(1)]
    const size = elementCount(shape)
    return (frame) =>
      scope.within((inner) => {
        const part = latents.subarray(frame * size, (frame + 1) * size).map((value) => value * noiseScale)
        return add(scope, affine(inner, sliceFrames(inner, z, frame, 1), kept), inner.upload(part, shape, 'f32'))
      })
  }

  /** See linearPreview. */
  preview(scope: Scope, z: Tensor): Tensor {
    return linearPreview(scope, this.config, z)
  }

  /** Frames → latents in `scope`; see encodeTiled. */
  encode(signal: AbortSignal, scope: Scope, source: FrameSource): Promise<LatentDistribution> {
    return encodeTiled(signal, scope, this.whole, source, this.tiling)
  }
}

/** The most rows of a norm: those of a unit's largest window. */
function mostRows(sizes: readonly UnitSize[], { tiles, atOnce }: TilePlan): number {
  const area = Math.max(...tiles.map(({ y, x }) => (y.to - y.from) * (x.to - x.from)))
  return Math.max(...sizes.map(({ features, tensors }, index) => features * area * ((atOnce[index] as number) + Math.max(...tensors.map(({ more }) => more)))))
}

/** The tile's window of a field that is as large as the whole picture, at whatever scale the block runs. Drawn once a parameter. */
function croppedField(field: NoiseField, grid: { height: number; width: number }, { y, x }: Tile): NoiseField {
  const drawn = new Map<string, Float32Array>()
  return (parameter, height, width) => {
    const kept = drawn.get(parameter)
    if (kept) return kept
    const scale = height / (y.to - y.from)
    const wide = grid.width * scale
    const whole = field(parameter, grid.height * scale, wide)
    const part = new Float32Array(height * width)
    for (let row = 0; row < height; row++) {
      const from = (y.from * scale + row) * wide + x.from * scale
      part.set(whole.subarray(from, from + width), row * width)
    }
    drawn.set(parameter, part)
    return part
  }
}
