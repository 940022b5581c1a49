// Aspect ratios and sizes of clips: those that a model was trained on, and other aspect ratios on its latent grid. Pure.
import type { ModelManifest } from './model'

/** Aspect ratios that are available with every model, width:height. */
export const ASPECT_RATIOS = ['16:9', '9:16', '1:1', '4:3', '21:9'] as const

/** Maximum width and height in pixels; video encoders reject larger frames. */
export const LARGEST_SIDE = 4096

/** Size in pixels. */
export interface ClipSize {
  width: number
  height: number
}

/** A size that can be selected. */
export interface AvailableSize extends ClipSize {
  shape: string
  /** whether the model was trained on it */
  trained: boolean
}

/** Width and height are multiples of this: whole latent pixels, and even because of chroma subsampling. */
export function sideStep({ latent }: Pick<ModelManifest, 'latent'>): number {
  const side = latent.scaleSpace * (latent.patch ?? 1)
  return side % 2 === 0 ? side : 2 * side
}

/** Minimum width and height in pixels: two latent pixels. */
export function smallestSide(model: Pick<ModelManifest, 'latent'>): number {
  return 2 * sideStep(model)
}

/** The closest width or height that the model can generate. @param side in pixels, any number */
export function nearestSide(side: number, model: Pick<ModelManifest, 'latent'>): number {
  const step = sideStep(model)
  return Math.min(LARGEST_SIDE - (LARGEST_SIDE % step), Math.max(smallestSide(model), step * Math.round(side / step)))
}

/** Whether a size is on the model's latent grid and within the limits. */
export function canMakeSize({ width, height }: ClipSize, model: Pick<ModelManifest, 'latent'>): boolean {
  return nearestSide(width, model) === width && nearestSide(height, model) === height
}

/** Whether the model was trained on a size: one of its listed sizes, or any size on its training grid. */
export function isTrainedSize({ width, height }: ClipSize, { sizes, grid }: Pick<ModelManifest, 'sizes' | 'grid'>): boolean {
  return sizes.some((size) => size.width === width && size.height === height) || (grid !== undefined && width % grid.side === 0 && height % grid.side === 0)
}

/** "16:9" → 16 / 9. */
export function ratioOf(shape: string): number {
  const [width = 1, height = 1] = shape.split(':').map(Number)
  return width / height
}

/** The model's own sizes, followed by other aspect ratios with about the same areas as its first one. */
export function availableSizes(model: ModelManifest): AvailableSize[] {
  const own = model.sizes.map((size) => ({ ...size, trained: true }))
  const [first] = own
  const areas = own.filter(({ shape }) => shape === first?.shape).map(({ width, height }) => width * height)
  const others = ASPECT_RATIOS.filter((shape) => !own.some((size) => size.shape === shape)).flatMap((shape) => {
    const sizes = areas.map((area) => closestSize(ratioOf(shape), area, model)).filter((size) => size !== null)
    const distinct = sizes.filter((size, index) => sizes.findIndex(({ width }) => width === size.width) === index)
    return distinct.map((size) => ({ shape, ...size, trained: isTrainedSize(size, model) }))
  })
  return [...own, ...others]
}

/** The closest size on the grid by aspect ratio (log, weight 4) and area (log); null if there is none. */
function closestSize(ratio: number, area: number, model: ModelManifest): ClipSize | null {
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
