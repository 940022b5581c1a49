// Pictures into tiles and back.
import type { Scope } from '../engine/scope'
import { dim, type Tensor } from '../engine/tensor'
import { blendTile } from '../ops/blend-tile'
import { cropFrames, sliceFrames } from '../ops/frames'
import { scaleSpan, type Tile } from './tile-plan'

/** The tile's part of x, f32 [F, H, W, C], a tensor of its own. The tile is in units `scale` times coarser than x. */
export function cutTile(scope: Scope, x: Tensor, tile: Tile, scale = 1): Tensor {
  const [y, column] = [scaleSpan(tile.y, scale), scaleSpan(tile.x, scale)]
  const [height, width] = [y.to - y.from, column.to - column.from]
  if (height === dim(x, 1) && width === dim(x, 2)) return sliceFrames(scope, x, 0, dim(x, 0))
  return cropFrames(scope, x, { y: y.from, x: column.from, height, width })
}

/** Tiles in rows from the top left → f32 [F, H, W, C], fading into each other where they overlap. A single one is given back as it is. */
export function blendTiles(scope: Scope, parts: readonly Tensor[], tiles: readonly Tile[], shape: readonly number[], scale: number): Tensor {
  const [only] = parts
  if (parts.length === 1 && only) return only
  const picture = scope.alloc(shape)
  parts.forEach((part, index) => {
    const { y, x } = tiles[index] as Tile
    blendTile(scope, picture, part, scaleSpan(y, scale), scaleSpan(x, scale))
  })
  return picture
}
