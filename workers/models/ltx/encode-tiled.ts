// LTX-Video's encoder for clips of any length: in time order, and in tiles where one picture is over the limit of a binding.
import { AppError } from '../../../src/shared/errors'
import { Scope } from '../../engine/scope'
import { dim, type Tensor } from '../../engine/tensor'
import { placeFrames } from '../../ops/frames'
import type { LatentDistribution, LtxAutoencoder } from './autoencoder'
import type { Pass } from './autoencoder-block'
import { compressionOf, encoderSizes } from './autoencoder-sizes'
import { runUnits } from './autoencoder-stream'
import { encoderUnits } from './autoencoder-units'
import type { FrameSource } from '../architecture'
import { planTiles, type Tile, type TileOptions, type TilePlan } from '../tile-plan'
import { blendTiles, cutTile } from '../tiles'

/**
 * Encodes F = k·time + 1 frames in whole latent pixels → latents in `scope`. Holds a few frames at a time.
 * @throws AppError bad-request when the sizes do not fit; AbortError
 */
export async function encodeTiled(
  signal: AbortSignal,
  scope: Scope,
  whole: LtxAutoencoder,
  source: FrameSource,
  tiling: TileOptions,
): Promise<LatentDistribution> {
  const { gpu } = scope
  const { space, time } = compressionOf(whole.config)
  const { frames, height, width } = source
  if (frames < 1 || (frames - 1) % time || height < space || height % space || width < space || width % space) {
    throw new AppError(
      'bad-request',
      `A clip to encode: expected ${time}·k + 1 frames and sides in multiples of ${space}, got ${frames} frames of ${width} × ${height}.`,
      { frames, width, height },
    )
  }
  const grid = { height: height / space, width: width / space }
  const plan = planTiles(encoderSizes(whole.config), grid, tiling)
  const atOnce = plan.atOnce[0] ?? 1
  const allocLatents = (target: Scope, count: number): LatentDistribution => {
    const shape = [(count - 1) / time + 1, grid.height, grid.width]
    return { mean: target.alloc([...shape, whole.config.latent_channels]), logVariance: target.alloc([...shape, 1]) }
  }

  const few = Math.min(frames, time + 1) // their kernels are those of any number
  await gpu.compile(() => {
    scope.within((temporary) => {
      const dry = new TiledEncoding(temporary, whole, plan, allocLatents(temporary, few))
      for (let frame = 0; frame < few; frame++) dry.push(temporary.alloc([1, height, width, 3]), frame === few - 1)
    })
  })
  signal.throwIfAborted()
  const memory = new Scope(gpu)
  const latents = allocLatents(scope, frames)
  try {
    const encoding = new TiledEncoding(memory, whole, plan, latents)
    for (let from = 0; from < frames; from += atOnce) {
      const count = Math.min(atOnce, frames - from)
      encoding.push(await source.read(memory, from, count), from + count === frames)
      await gpu.settle() // so that a cancelled job waits for a few frames' work at most
      signal.throwIfAborted()
    }
    return latents
  } catch (error) {
    scope.free(latents.mean)
    scope.free(latents.logVariance)
    throw error
  } finally {
    memory.close()
  }
}

/** An encoding under way: every tile's units, and how many latent frames there are. */
class TiledEncoding {
  private readonly streams: ({ tile: Tile } & ReturnType<typeof encoderUnits>)[]
  private readonly space: number
  private done = 0

  constructor(
    private readonly memory: Scope,
    { config, encoder, dtype }: LtxAutoencoder,
    plan: TilePlan,
    private readonly latents: LatentDistribution,
  ) {
    if (!encoder) throw new Error('encodeTiled: the autoencoder was loaded without its encoder.')
    const pass: Pass = { dtype, time: config.encoder_causal ? 'causal' : 'both' }
    this.space = compressionOf(config).space
    this.streams = plan.tiles.map((tile) => ({ tile, ...encoderUnits({ memory, pass }, encoder, config, plan.atOnce) }))
  }

  /** The next frames, f32 [n, H, W, 3], of `memory`: takes them over. */
  push(video: Tensor, last: boolean): void {
    // all tiles give the same number of frames at a time, for it depends on the number of frames pushed alone
    const groups = this.streams.map(({ tile, units }) => runUnits(this.memory, units, cutTile(this.memory, video, tile, this.space), last))
    this.memory.free(video)
    for (;;) {
      const parts = groups.flatMap((group) => group.next().value ?? [])
      const [first] = parts
      if (!first) return
      this.memory.within((inner) => {
        const means = parts.map(({ frames, last }, index) => this.streams[index]?.toMean.push(inner, frames, last) ?? [])
        const logVariances = parts.map(({ frames, last }, index) => this.streams[index]?.toLogVariance.push(inner, frames, last) ?? [])
        this.place(inner, this.latents.mean, means)
        this.done += this.place(inner, this.latents.logVariance, logVariances)
      })
      for (const { frames } of parts) this.memory.free(frames)
    }
  }

  /** Writes what the tiles gave, each the same number of results, behind the frames before; gives how many frames that was. */
  private place(scope: Scope, target: Tensor, results: readonly (readonly Tensor[])[]): number {
    const tiles = this.streams.map(({ tile }) => tile)
    let frames = 0
    results[0]?.forEach((first, index) => {
      const parts = results.flatMap((ofTile) => ofTile[index] ?? [])
      placeFrames(scope, target, this.done + frames, blendTiles(scope, parts, tiles, [dim(first, 0), ...target.shape.slice(1)], 1))
      frames += dim(first, 0)
    })
    return frames
  }
}
