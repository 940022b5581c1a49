// Warnings about requests outside the training data of a model, which run but may give a worse result.
import { requestBytes } from './clip-memory'
import type { ModelManifest } from './model'
import { planOf, chunkFrames } from './plan'
import { requestProblems, type GenerateRequest } from './request'
import { isTrainedSize } from './clip-sizes'

/** A warning that is shown before a clip is generated. */
export interface RequestWarning {
  field: 'width' | 'frames'
  /**
   * `size`, `length`: outside the training data; `chunks`: longer than one pass of the model, generated in `chunks` that continue each
   * other; `memory`: needs `got` bytes, more than the `expected` bytes that were free
   */
  kind: 'size' | 'length' | 'chunks' | 'memory'
  got: string
  expected: string
  chunks?: number
  /** the closest settings that the model was trained on */
  nearest?: Partial<GenerateRequest>
}

/** Measured memory of the GPU in bytes. */
export interface GpuMemoryBudget {
  budgetBytes: number
  /** the part of it that the weights take */
  weightBytes: number
}

/**
 * Warnings about a request; empty if there are none, or if the request is invalid. Pure.
 * @param budget GPU memory, if it was measured
 */
export function requestWarnings(request: GenerateRequest, model: ModelManifest, budget?: GpuMemoryBudget): RequestWarning[] {
  if (requestProblems(request, model).length > 0) return []
  return [...sizeWarning(request, model), ...memoryWarning(request, model, budget), ...lengthWarning(request, model)]
}

function memoryWarning(request: GenerateRequest, model: ModelManifest, budget: GpuMemoryBudget | undefined): RequestWarning[] {
  const bytes = budget ? requestBytes(request, model, budget.weightBytes) : 0
  return budget && bytes > budget.budgetBytes ? [{ field: 'width', kind: 'memory', got: String(Math.round(bytes)), expected: String(budget.budgetBytes) }] : []
}

function sizeWarning({ width, height }: GenerateRequest, model: ModelManifest): RequestWarning[] {
  if (isTrainedSize({ width, height }, model)) return []
  const expected = model.sizes.map((size) => `${size.width}×${size.height}`).join(', ')
  const { width: wide, height: high } = nearestSize(width, height, model.sizes)
  return [{ field: 'width', kind: 'size', got: `${width}×${height}`, expected, nearest: { width: wide, height: high } }]
}

function lengthWarning(request: GenerateRequest, model: ModelManifest): RequestWarning[] {
  const { frames, before, after, loop, shots } = request
  const { allowed } = model.frames
  const longest = chunkFrames(model)
  if (shots) return []
  if (frames > longest) {
    const chunks = planOf(request, model).filter(({ kind }) => kind === 'chunk').length
    return [{ field: 'frames', kind: 'chunks', got: String(frames), expected: String(longest), chunks }]
  }
  // next to other clips a chunk also contains their frames, and one frame is an image
  const trained = allowed.includes(frames) || frames === 1 || (model.grid && frames % model.grid.group === 1)
  if (trained || before || after || loop) return []
  const nearest = allowed.reduce((best, one) => (Math.abs(one - frames) < Math.abs(best - frames) ? one : best))
  return [{ field: 'frames', kind: 'length', got: String(frames), expected: allowed.join(', '), nearest: { frames: nearest } }]
}

/** The closest size, by aspect ratio (log, weight 4) and area (log). */
function nearestSize<S extends { width: number; height: number }>(width: number, height: number, sizes: readonly S[]): S {
  const distance = (s: S) => 4 * Math.abs(Math.log((s.width / s.height) * (height / width))) + Math.abs(Math.log((s.width * s.height) / (width * height)))
  return sizes.reduce((best, candidate) => (distance(candidate) < distance(best) ? candidate : best))
}
