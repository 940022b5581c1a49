// Whether a model has room on the GPU, known before a byte of it is there.
import { AppError } from '../../src/shared/errors'
import { fitsInMemory } from '../engine/buffer-pool'
import { tensorBytes } from '../engine/tensor'
import { linearShapes } from '../ops/quantize'
import type { WeightRequest } from '../ops/weight-stream'

/** What weights take of the GPU, biases included. */
export function bytesOf(requests: readonly WeightRequest[]): number {
  return requests.reduce((sum, request) => {
    if (request.kind === 'floats') return sum + tensorBytes(request.shape, 'f32')
    const { data, scale } = linearShapes(request.out, request.in, request.format)
    return sum + [data, ...(scale ? [scale] : [])].reduce((bytes, { shape, dtype }) => bytes + tensorBytes(shape, dtype), 4 * request.out)
  }, 0)
}

/** @param model in words @throws AppError out-of-memory, with the memory that it needs */
export async function requireMemory(device: GPUDevice, bytes: number, model: string): Promise<void> {
  if (await fitsInMemory(device, bytes)) return
  const needed = `${(bytes / 1e9).toFixed(1)} GB`
  throw new AppError(
    'out-of-memory',
    `${model}, needs ${needed} of GPU memory for its transformer alone, which this GPU cannot give: close other programs that use it, or take a smaller model.`,
    { needed, bytes },
  )
}
