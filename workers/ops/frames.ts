// Parts of a clip along time. Frames lie one after the other in memory, so these are plain copies.
import type { Scope } from '../engine/scope'
import { dim, elementCount, tensorBytes, type Tensor } from '../engine/tensor'

function frameBytes(x: Tensor): number {
  const shape = x.shape.slice(1)
  const bytes = tensorBytes(shape, x.dtype)
  if (elementCount(shape) % 2 && x.dtype === 'f16') throw new Error(`frames: [${shape.join(', ')}] f16 is no whole number of 4-byte words.`)
  return bytes
}

/** Frames from … from + count − 1 of x [F, …], as a tensor of their own. */
export function sliceFrames(scope: Scope, x: Tensor, from: number, count: number): Tensor {
  if (from < 0 || from + count > dim(x, 0)) throw new Error(`sliceFrames: ${from} to ${from + count} of ${dim(x, 0)} frames.`)
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
