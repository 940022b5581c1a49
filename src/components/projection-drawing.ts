import type { Preview } from '../shared/job'

/** Size of the canvas that lights the room, in pixels; it is blurred far beyond its own resolution. */
export const GLOW_WIDTH = 32
export const GLOW_HEIGHT = 18

/** Draws one picture of a preview, and makes the canvas as large as the picture. */
export function drawPreview(context: CanvasRenderingContext2D, preview: Preview, frame: number): void {
  const { width, height, rgba } = preview
  const { canvas } = context
  if (canvas.width !== width) canvas.width = width
  if (canvas.height !== height) canvas.height = height
  const size = width * height * 4
  context.putImageData(new ImageData(rgba.subarray(frame * size, (frame + 1) * size), width, height), 0, 0)
}

/** The picture of a looping preview that is due at a time. Pure. */
export function frameAt(timeMs: number, frames: number, loopSeconds: number): number {
  return Math.floor((timeMs / 1000 / loopSeconds) * frames) % frames
}

/**
 * The empty screen: lamp light through grain. The same seed draws the same grain, as a seed draws the same noise for a clip;
 * `tick` counts pictures while something is on its way.
 */
export function drawGrain(context: CanvasRenderingContext2D, ratio: number, seed: number, tick: number): void {
  const { canvas } = context
  const cells = 72
  const width = Math.round(ratio >= 1 ? cells : cells * ratio)
  const height = Math.round(ratio >= 1 ? cells / ratio : cells)
  if (canvas.width !== width) canvas.width = width
  if (canvas.height !== height) canvas.height = height
  const image = context.createImageData(width, height)
  const random = uniformNumbers(seed + tick * 7919)
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const fromCentre = Math.hypot((x + 0.5) / width - 0.5, (y + 0.5) / height - 0.42) / 0.62
      const light = Math.max(0, 1 - fromCentre * fromCentre) * 0.8 + 0.1
      const grain = 0.55 + 0.45 * (random() + random() - 1)
      const at = (y * width + x) * 4
      image.data[at] = 205 * light * grain
      image.data[at + 1] = 140 * light * grain
      image.data[at + 2] = 62 * light * grain
      image.data[at + 3] = 255
    }
  }
  context.putImageData(image, 0, 0)
}

/** mulberry32: uniform numbers in [0, 1) from a u32. */
function uniformNumbers(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296
  }
}
