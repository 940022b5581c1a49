// A finished clip's frames, and how it moves: what the modes' bars are about.
import { execFileSync } from 'node:child_process'

/** A clip's frames, RGB u8 [height, width, 3] each, as ffmpeg decodes them. @param size pixels, as the clip is */
export function readClipFrames(webm: Uint8Array, { width, height }: { width: number; height: number }): Uint8Array[] {
  const raw = execFileSync('ffmpeg', ['-v', 'error', '-i', 'pipe:0', '-f', 'rawvideo', '-pix_fmt', 'rgb24', 'pipe:1'], { input: webm, maxBuffer: 2 ** 31 - 1 })
  const size = width * height * 3
  if (raw.length === 0 || raw.length % size !== 0) throw new Error(`expected whole frames of ${width}×${height}, got ${raw.length} bytes`)
  return Array.from({ length: raw.length / size }, (_, frame) => raw.subarray(frame * size, (frame + 1) * size))
}

/** Mean absolute difference of two frames, of 255. */
export function stepBetween(a: Uint8Array, b: Uint8Array): number {
  return a.reduce((sum, value, index) => sum + Math.abs(value - (b[index] as number)), 0) / a.length
}

/** The step from each frame to the next. */
export function stepsOf(frames: readonly Uint8Array[]): number[] {
  return frames.slice(1).map((frame, index) => stepBetween(frames[index] as Uint8Array, frame))
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = Math.floor(sorted.length / 2)
  return sorted.length % 2 ? (sorted[middle] as number) : ((sorted[middle - 1] as number) + (sorted[middle] as number)) / 2
}

/** Peak signal-to-noise ratio of two frames, dB. */
export function psnr(a: Uint8Array, b: Uint8Array): number {
  const error = a.reduce((sum, value, index) => sum + (value - (b[index] as number)) ** 2, 0) / a.length
  return error === 0 ? Infinity : 10 * Math.log10(255 ** 2 / error)
}
