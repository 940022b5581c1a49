// Tiles of a picture become one, with soft seams.
import code from '../../shaders/blend_tile.wgsl?raw'
import { u32 } from '../engine/command-queue'
import type { Scope } from '../engine/scope'
import { dim, elementCount, type Tensor } from '../engine/tensor'
import { dispatchGroups } from './dispatch-groups'

const WORKGROUP = 64
/** Arithmetic of one element, in the submit budget's operations. */
const COST = 30

/** A tile's place along one axis, and how much of it the tiles before and after share. */
export interface TilePlace {
  from: number
  lead: number
  trail: number
  /** the outermost places of both, which count for nothing; less than half of them */
  margin: number
}

/**
 * Writes a tile, f32 [F, h, w, C], into `picture`, f32 [F, H, W, C], whose contents may be undefined before the first one.
 * Tiles come in rows from the top left, and at most two of them share a place along each axis; there they fade linearly.
 */
export function blendTile(scope: Scope, picture: Tensor, tile: Tensor, y: TilePlace, x: TilePlace): void {
  const [height, width] = [dim(tile, 1), dim(tile, 2)]
  const same = (axis: number) => dim(tile, axis) === dim(picture, axis)
  const fades = (shared: number, margin: number) => margin >= 0 && (shared === 0 || 2 * margin < shared)
  const fits = ({ from, lead, trail, margin }: TilePlace, size: number, whole: number) => from >= 0 && from + size <= whole && lead + trail <= size && fades(lead, margin) && fades(trail, margin)
  const floats = tile.dtype === 'f32' && picture.dtype === 'f32'
  if (!floats || !same(0) || !same(3) || !fits(y, height, dim(picture, 1)) || !fits(x, width, dim(picture, 2))) {
    throw new Error(`blendTile: [${tile.shape.join(', ')}] ${tile.dtype} does not fit [${picture.shape.join(', ')}] ${picture.dtype} at (${y.from}, ${x.from}).`)
  }
  const count = elementCount(tile.shape)
  dispatchGroups(scope.gpu.queue, {
    kernel: scope.gpu.kernels.get({ name: 'blend_tile', code }, {}),
    tensors: [tile, picture],
    uniforms: [
      height, width, dim(tile, 3), dim(picture, 1), dim(picture, 2), y.from, y.lead, y.trail, y.margin,
      x.from, x.lead, x.trail, x.margin, count,
    ].map(u32),
    groups: Math.ceil(count / WORKGROUP),
    flopsPerGroup: WORKGROUP * COST,
  })
}
