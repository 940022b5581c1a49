// Which part of a picture fills a clip.
import { MIDDLE, type Crop } from './request'

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

/** Whether a crop is what a request without one has. Pure. */
export function isMiddle({ x, y, zoom }: Crop): boolean {
  return x === MIDDLE.x && y === MIDDLE.y && zoom === MIDDLE.zoom
}

/**
 * A crop after the picture was dragged. Where the picture has no room to move it stays.
 * @param right @param down how far it went, in widths and heights of the clip's frame
 */
export function draggedCrop(crop: Crop, from: Size, to: Size, right: number, down: number): Crop {
  const { width, height } = cropRectangle(from, to, crop)
  // steps there and back end where they began
  const rounded = (at: number) => Math.round(1e6 * at) / 1e6
  const moved = (at: number, by: number, room: number) => (room < 1e-6 ? at : Math.min(1, Math.max(0, rounded(at - by / room))))
  return { ...crop, x: moved(crop.x, right * width, from.width - width), y: moved(crop.y, down * height, from.height - height) }
}

/** A crop at another zoom: what is in the middle of the frame stays there, as far as there is room. */
export function zoomedCrop(crop: Crop, from: Size, to: Size, zoom: number): Crop {
  const before = cropRectangle(from, to, crop)
  const { width, height } = cropRectangle(from, to, { ...crop, zoom })
  const placed = (at: number, start: number, old: number, size: number, room: number) =>
    room < 1e-6 ? at : Math.min(1, Math.max(0, (start + old / 2 - size / 2) / room))
  return {
    x: placed(crop.x, before.left, before.width, width, from.width - width),
    y: placed(crop.y, before.top, before.height, height, from.height - height),
    zoom,
  }
}
