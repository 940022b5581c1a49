// A clip as the probe sees it: 9 frames of 64×64, squeezed whole. PyTorch's twin is adaptive_avg_pool2d(x, 64) on the same frames.
import type { Clip } from './clip'

/** Frames that the probe sees. */
export const PROBE_FRAMES = 9
/** Pixels of each of their sides. */
export const PROBE_SIDE = 64

/** Indices of `count` frames, evenly spread over a clip with the first and the last among them: floor(k·(F − 1)/(count − 1) + ½). */
export function evenFrames(frames: number, count: number): number[] {
  if (count === 1) return [0]
  return Array.from({ length: count }, (_, k) => Math.floor((2 * k * (frames - 1) + count - 1) / (2 * (count - 1))))
}

/**
 * The probe's input: f32 [3, 9, 64, 64], 0 … 1. A cell is the plain mean of the pixels of columns
 * floor(i·W/64) … ceil((i + 1)·W/64) − 1, and of rows alike.
 */
export function probeInput({ width, height, frames }: Clip): Float32Array<ArrayBuffer> {
  const out = new Float32Array(3 * PROBE_FRAMES * PROBE_SIDE * PROBE_SIDE)
  const columns = bins(width)
  const rows = bins(height)
  evenFrames(frames.length, PROBE_FRAMES).forEach((index, k) => {
    const rgba = frames[index]
    if (rgba?.length !== width * height * 4) throw new Error(`probeInput: expected frames of ${width}×${height}, got ${rgba?.length ?? 0} bytes.`)
    for (const [y, [top, bottom]] of rows.entries()) {
      for (const [x, [left, right]] of columns.entries()) {
        const sums = [0, 0, 0]
        for (let row = top; row < bottom; row++) {
          for (let column = left; column < right; column++) {
            for (let channel = 0; channel < 3; channel++) sums[channel]! += rgba[(row * width + column) * 4 + channel]!
          }
        }
        const area = (bottom - top) * (right - left)
        for (let channel = 0; channel < 3; channel++) {
          out[((channel * PROBE_FRAMES + k) * PROBE_SIDE + y) * PROBE_SIDE + x] = sums[channel]! / (255 * area)
        }
      }
    }
  })
  return out
}

/** The pixels of each of the 64 cells along a side: [first, one past the last]. */
function bins(size: number): [number, number][] {
  return Array.from({ length: PROBE_SIDE }, (_, i) => [Math.floor((i * size) / PROBE_SIDE), Math.ceil(((i + 1) * size) / PROBE_SIDE)])
}
