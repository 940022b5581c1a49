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

/**
 * The crop in whole, even pixels, for video decoders: chroma of video is stored for 2 × 2 pixels, and they cut nothing else. It differs
 * from {@link cropRectangle} by less than 2 pixels on each side, and lies within `from`. A side of `from` below 2 pixels is not cropped. Pure.
 */
export function evenCropRectangle(from: Size, to: Size, crop: Crop): CropRectangle {
  const exact = cropRectangle(from, to, crop)
  const [left, width] = evenSpan(exact.left, exact.width, from.width)
  const [top, height] = evenSpan(exact.top, exact.height, from.height)
  return { left, top, width, height }
}

/** The even span nearest to `start` and `size` in `0 … whole`: its start and its size. */
function evenSpan(start: number, size: number, whole: number): [start: number, size: number] {
  if (whole < 2) return [0, whole]
  const most = evenBelow(whole)
  const evenSize = Math.min(most, Math.max(2, 2 * Math.round(size / 2)))
  return [Math.min(evenBelow(whole - evenSize), Math.max(0, 2 * Math.round(start / 2))), evenSize]
}

function evenBelow(pixels: number): number {
  return 2 * Math.floor(pixels / 2)
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
