// Shapes and sizes of clips: those that a model was taught, and the same shapes as near as its latent grid comes to them. Pure.
import type { ModelManifest } from './model'

/** Offered with every model, width by height. */
export const SHAPES = ['16:9', '9:16', '1:1', '4:3', '21:9'] as const

/** Pixels of a side; beyond it, video encoders refuse. */
export const LARGEST_SIDE = 4096

/** Pixels. */
export interface ClipSize {
  width: number
  height: number
}

/** A size that a person can choose. */
export interface OfferedSize extends ClipSize {
  shape: string
  /** whether the model was trained on it */
  taught: boolean
}

/** Sides are multiples of it: whole latent pixels, and even, for video halves its colours. */
export function sideStep({ latent }: Pick<ModelManifest, 'latent'>): number {
  const side = latent.scaleSpace * (latent.patch ?? 1)
  return side % 2 === 0 ? side : 2 * side
}

/** The smallest side: a latent of one pixel has no neighbour to look at. */
export function smallestSide(model: Pick<ModelManifest, 'latent'>): number {
  return 2 * sideStep(model)
}

/** The nearest side that the model can make. @param side pixels, any number */
export function nearestSide(side: number, model: Pick<ModelManifest, 'latent'>): number {
  const step = sideStep(model)
  return Math.min(LARGEST_SIDE - (LARGEST_SIDE % step), Math.max(smallestSide(model), step * Math.round(side / step)))
}

/** Whether a size is on the model's latent grid, and no larger than a video can be. */
export function canMakeSize({ width, height }: ClipSize, model: Pick<ModelManifest, 'latent'>): boolean {
  return nearestSide(width, model) === width && nearestSide(height, model) === height
}

/** Whether the model was trained on a size: one of its own, or any on its grid where it learned many. */
export function isTrainedSize({ width, height }: ClipSize, { sizes, grid }: Pick<ModelManifest, 'sizes' | 'grid'>): boolean {
  return sizes.some((size) => size.width === width && size.height === height) || (grid !== undefined && width % grid.side === 0 && height % grid.side === 0)
}

/** "16:9" → 16 / 9. */
export function ratioOf(shape: string): number {
  const [wide = 1, high = 1] = shape.split(':').map(Number)
  return wide / high
}

/** The model's own sizes, then the other shapes in as many pixels as its first shape has. */
export function offeredSizes(model: ModelManifest): OfferedSize[] {
  const own = model.sizes.map((size) => ({ ...size, taught: true }))
  const [first] = own
  const areas = own.filter(({ shape }) => shape === first?.shape).map(({ width, height }) => width * height)
  const others = SHAPES.filter((shape) => !own.some((size) => size.shape === shape)).flatMap((shape) => {
    const sizes = areas.map((area) => sizeNear(ratioOf(shape), area, model)).filter((size) => size !== null)
    const distinct = sizes.filter((size, index) => sizes.findIndex(({ width }) => width === size.width) === index)
    return distinct.map((size) => ({ shape, ...size, taught: isTrainedSize(size, model) }))
  })
  return [...own, ...others]
}

/** The size on the grid that is nearest to a shape (log aspect, which counts more) and an area; null where none is of that shape. */
function sizeNear(ratio: number, area: number, model: ModelManifest): ClipSize | null {
  const step = sideStep(model)
  let best: ClipSize | null = null
  let bestDistance = Infinity
  const middle = Math.sqrt(area * ratio)
  for (let width = nearestSide(middle / 1.5, model); width <= middle * 1.5; width += step) {
    const height = nearestSide(width / ratio, model)
    const distance = 4 * Math.abs(Math.log(width / height / ratio)) + Math.abs(Math.log((width * height) / area))
    if (canMakeSize({ width, height }, model) && distance < bestDistance) [best, bestDistance] = [{ width, height }, distance]
  }
  return best
}
