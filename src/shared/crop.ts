// Which part of a picture fills a clip.
import type { Crop } from './request'

/** A rectangle in pixels of the picture, upright. */
export interface CropRectangle {
  left: number
  top: number
  width: number
  height: number
}

interface Size {
  width: number
  height: number
}

/** The part of `from` that fills `to`'s shape: the largest such rectangle divided by the zoom, moved from edge to edge by x and y. Pure. */
export function cropRectangle(from: Size, to: Size, { x, y, zoom }: Crop): CropRectangle {
  const scale = Math.min(from.width / to.width, from.height / to.height) / zoom
  const [width, height] = [to.width * scale, to.height * scale]
  return { left: x * (from.width - width), top: y * (from.height - height), width, height }
}
