// The part of an image or video that fills the frame of a clip.
import { MIDDLE, type Crop } from './request'

/** A rectangle in pixels of the upright image. */
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

/** The part of `from` with the aspect ratio of `to`: the largest such rectangle divided by the zoom; x and y move it from edge to edge. Pure. */
export function cropRectangle(from: Size, to: Size, { x, y, zoom }: Crop): CropRectangle {
  const scale = Math.min(from.width / to.width, from.height / to.height) / zoom
  const [width, height] = [to.width * scale, to.height * scale]
  return { left: x * (from.width - width), top: y * (from.height - height), width, height }
}

/** Whether a crop is the default of a request. Pure. */
export function isMiddle({ x, y, zoom }: Crop): boolean {
  return x === MIDDLE.x && y === MIDDLE.y && zoom === MIDDLE.zoom
}

/**
 * A crop after the image was dragged; an axis on which the image has no overhang stays. Pure.
 * @param right,down the distance in widths and heights of the clip's frame
 */
export function draggedCrop(crop: Crop, from: Size, to: Size, right: number, down: number): Crop {
  const { width, height } = cropRectangle(from, to, crop)
  // rounded, so that opposite drags cancel out
  const rounded = (at: number) => Math.round(1e6 * at) / 1e6
  const moved = (at: number, by: number, overhang: number) => (overhang < 1e-6 ? at : Math.min(1, Math.max(0, rounded(at - by / overhang))))
  return { ...crop, x: moved(crop.x, right * width, from.width - width), y: moved(crop.y, down * height, from.height - height) }
}

/** A crop at another zoom; the center of the frame stays in place as far as the image's edges allow. Pure. */
export function zoomedCrop(crop: Crop, from: Size, to: Size, zoom: number): Crop {
  const before = cropRectangle(from, to, crop)
  const { width, height } = cropRectangle(from, to, { ...crop, zoom })
  const placed = (at: number, start: number, old: number, size: number, overhang: number) =>
    overhang < 1e-6 ? at : Math.min(1, Math.max(0, (start + old / 2 - size / 2) / overhang))
  return {
    x: placed(crop.x, before.left, before.width, width, from.width - width),
    y: placed(crop.y, before.top, before.height, height, from.height - height),
    zoom,
  }
}
