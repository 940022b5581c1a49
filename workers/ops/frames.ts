// Slices of a clip in time and space. Frames and rows are contiguous in memory, so that these are plain copies.
import type { Scope } from '../engine/scope'
import { dim, elementCount, tensorBytes, type Tensor } from '../engine/tensor'

function frameBytes(x: Tensor): number {
  const shape = x.shape.slice(1)
  const bytes = tensorBytes(shape, x.dtype)
  if (elementCount(shape) % 2 && x.dtype === 'f16') throw new Error(`frames: [${shape.join(', ')}] f16 is not a whole number of 4-byte words.`)
  return bytes
}

/** Frames from … from + count − 1 of x [F, …], as a new tensor. */
export function sliceFrames(scope: Scope, x: Tensor, from: number, count: number): Tensor {
  if (from < 0 || from + count > dim(x, 0)) throw new Error(`sliceFrames: expected frames within 0 … ${dim(x, 0)}, got ${from} to ${from + count}.`)
  const bytes = frameBytes(x)
  const part = scope.alloc([count, ...x.shape.slice(1)], x.dtype)
  scope.gpu.queue.copy(x.buffer, from * bytes, part.buffer, 0, count * bytes)
  return part
}

/** Writes part [n, …] over frames from … from + n − 1 of x [F, …]. */
export function placeFrames(scope: Scope, x: Tensor, from: number, part: Tensor): void {
  const fits = part.dtype === x.dtype && part.shape.slice(1).join() === x.shape.slice(1).join()
  if (!fits || from < 0 || from + dim(part, 0) > dim(x, 0)) {
    throw new Error(`placeFrames: [${part.shape.join(', ')}] ${part.dtype} does not fit [${x.shape.join(', ')}] ${x.dtype} at ${from}.`)
  }
  scope.gpu.queue.copy(part.buffer, 0, x.buffer, from * frameBytes(x), frameBytes(part) * dim(part, 0))
}

/** Frames from … from + count − 1 of a clip; all of it by default. */
export interface FrameRun {
  of: Tensor
  from?: number
  count?: number
}

/** The runs one after the other, as a new clip. */
export function joinFrames(scope: Scope, runs: readonly FrameRun[]): Tensor {
  const first = runs[0]?.of
  if (!first) throw new Error('joinFrames: expected at least one run of frames, got none.')
  const bytes = frameBytes(first)
  const counts = runs.map(({ of, from = 0, count = dim(of, 0) - from }) => count)
  const whole = scope.alloc([counts.reduce((sum, count) => sum + count, 0), ...first.shape.slice(1)], first.dtype)
  let at = 0
  runs.forEach(({ of, from = 0 }, index) => {
    const count = counts[index] as number
    if (of.dtype !== first.dtype || of.shape.slice(1).join() !== first.shape.slice(1).join() || from < 0 || count < 0 || from + count > dim(of, 0)) {
      throw new Error(
        `joinFrames: expected frames like [${first.shape.join(', ')}] ${first.dtype}, got ${from} to ${from + count} of [${of.shape.join(', ')}] ${of.dtype}.`,
      )
    }
    scope.gpu.queue.copy(of.buffer, from * bytes, whole.buffer, at * bytes, count * bytes)
    at += count
  })
  return whole
}

/** A crop of every frame: x f32 [F, H, W, C] → [F, height, width, C]. One copy a row: meant for latents and few frames. */
export function cropFrames(scope: Scope, x: Tensor, crop: { y: number; x: number; height: number; width: number }): Tensor {
  const [frames, height, width, channels] = [dim(x, 0), dim(x, 1), dim(x, 2), dim(x, 3)]
  if (x.dtype !== 'f32' || crop.y < 0 || crop.x < 0 || crop.y + crop.height > height || crop.x + crop.width > width) {
    throw new Error(`cropFrames: expected a crop of f32 [${x.shape.join(', ')}], got ${crop.height} × ${crop.width} at (${crop.y}, ${crop.x}) of ${x.dtype}.`)
  }
  const part = scope.alloc([frames, crop.height, crop.width, channels])
  const rowBytes = crop.width * channels * 4
  for (let row = 0; row < frames * crop.height; row++) {
    const from = Math.floor(row / crop.height) * height + crop.y + (row % crop.height)
    scope.gpu.queue.copy(x.buffer, (from * width + crop.x) * channels * 4, part.buffer, row * rowBytes, rowBytes)
  }
  return part
}
