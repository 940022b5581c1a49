// Joins the tiles of an image with linear blending at their boundaries.
import code from '../../shaders/blend_tile.wgsl?raw'
import { u32 } from '../engine/command-queue'
import type { Scope } from '../engine/scope'
import { dim, elementCount, type Tensor } from '../engine/tensor'
import { dispatchElements } from './dispatch-groups'

/** Of one element, in the submit budget's operations. */
const FLOPS = 30

/** A tile's position along one axis, and how many positions it shares with its neighbors, in latent pixels. */
export interface TilePlace {
  from: number
  /** shared with the previous tile */
  lead: number
  /** shared with the next tile */
  trail: number
  /** the outermost positions of lead and trail, whose weight is 0; less than half of either */
  margin: number
}

/**
 * Writes a tile, f32 [F, h, w, C], into `image`, f32 [F, H, W, C], whose contents may be undefined before the first tile.
 * Tiles come in rows from the top left. At most two share a position along each axis; there they are blended linearly.
 */
export function blendTile(scope: Scope, image: Tensor, tile: Tensor, y: TilePlace, x: TilePlace): void {
  const [height, width] = [dim(tile, 1), dim(tile, 2)]
  const same = (axis: number) => dim(tile, axis) === dim(image, axis)
  const fades = (shared: number, margin: number) => margin >= 0 && (shared === 0 || 2 * margin < shared)
  const fits = ({ from, lead, trail, margin }: TilePlace, size: number, whole: number) =>
    from >= 0 && from + size <= whole && lead + trail <= size && fades(lead, margin) && fades(trail, margin)
  const floats = tile.dtype === 'f32' && image.dtype === 'f32'
  if (!floats || !same(0) || !same(3) || !fits(y, height, dim(image, 1)) || !fits(x, width, dim(image, 2))) {
    throw new Error(`blendTile: [${tile.shape.join(', ')}] ${tile.dtype} does not fit [${image.shape.join(', ')}] ${image.dtype} at (${y.from}, ${x.from}).`)
  }
  dispatchElements(scope.gpu, {
    source: { name: 'blend_tile', code },
    tensors: [tile, image],
    uniforms: [height, width, dim(tile, 3), dim(image, 1), dim(image, 2), y.from, y.lead, y.trail, y.margin, x.from, x.lead, x.trail, x.margin].map(u32),
    count: elementCount(tile.shape),
    flops: FLOPS,
  })
}
