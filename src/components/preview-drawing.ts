import type { Preview } from '../shared/job'

/** Canvas pixels per preview pixel. Upscaling with a smooth filter hides the blocks of single latent pixels. */
const PREVIEW_SCALE = 6

/**
 * Draws one frame of a preview and resizes the canvas to it.
 * @param softness 0 is sharp, 1 is the strongest blur; without canvas filters the frame stays sharp
 */
export function drawPreview(context: CanvasRenderingContext2D, preview: Preview, frame: number, softness: number): void {
  const { width, height, rgba } = preview
  const { canvas } = context
  const size = width * height * 4
  const raw = new OffscreenCanvas(width, height)
  raw.getContext('2d')?.putImageData(new ImageData(rgba.subarray(frame * size, (frame + 1) * size), width, height), 0, 0)
  const scale = Math.max(1, Math.min(PREVIEW_SCALE, Math.floor(400 / Math.max(width, height))))
  fit(canvas, width * scale, height * scale)
  context.imageSmoothingQuality = 'high'
  context.filter = softness > 0 ? `blur(${softness * canvas.width * 0.02}px)` : 'none'
  context.drawImage(raw, 0, 0, canvas.width, canvas.height)
}

/** Sets the canvas size only if it changes, because setting it clears the canvas. */
function fit(canvas: HTMLCanvasElement, width: number, height: number): void {
  if (canvas.width !== width) canvas.width = width
  if (canvas.height !== height) canvas.height = height
}

/** Index of the frame that a looping preview shows at a time. Pure. @param loopSeconds duration of one loop */
export function frameAt(timeMs: number, frames: number, loopSeconds: number): number {
  return Math.floor((timeMs / 1000 / loopSeconds) * frames) % frames
}

/**
 * Draws the empty screen: a warm light with film grain. The same seed gives the same grain.
 * @param tick 0 for the faint grain of an idle screen; counts redraws while a job is running
 */
export function drawGrain(context: CanvasRenderingContext2D, ratio: number, seed: number, tick: number): void {
  const { canvas } = context
  const cells = 120
  const width = Math.round(ratio >= 1 ? cells : cells * ratio)
  const height = Math.round(ratio >= 1 ? cells / ratio : cells)
  fit(canvas, width, height)
  const image = context.createImageData(width, height)
  const random = uniformNumbers(seed + tick * 7919)
  const grain = tick === 0 ? 0.035 : 0.3
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const fromCenter = Math.hypot((x + 0.5) / width - 0.5, (y + 0.5) / height - 0.46)
      const fall = Math.min(1, 1.9 * fromCenter * fromCenter)
      const light = 1 + grain * (random() + random() - 1)
      const at = (y * width + x) * 4
      image.data[at] = (255 - 16 * fall) * light
      image.data[at + 1] = (240 - 64 * fall) * light
      image.data[at + 2] = (212 - 122 * fall) * light
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
