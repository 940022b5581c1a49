// What of a request its model was not taught: it can be made, and may come out worse. Never an error.
import { requestBytes } from './clip-memory'
import type { ModelManifest } from './model'
import { planOf, chunkFrames } from './plan'
import { requestProblems, type GenerateRequest } from './request'
import { isTrainedSize } from './shapes'

/** One thing that a person should know before a clip is made. */
export interface RequestWarning {
  field: 'width' | 'frames'
  /**
   * `size`, `length`: not trained on; `windows`: longer than one run of the model, made of `windows` that go on from each other;
   * `memory`: `got` bytes, more than the `taught` that this GPU had room for
   */
  kind: 'size' | 'length' | 'windows' | 'memory'
  got: string
  taught: string
  windows?: number
  /** what the model was taught, nearest to it */
  nearest?: Partial<GenerateRequest>
}

/** What was found out about the memory of this GPU, in bytes. */
export interface GpuMemoryBudget {
  budgetBytes: number
  /** of it, that the model takes for any clip */
  weightBytes: number
}

/**
 * All that `model` was not taught of a request; empty where it was, or where the request cannot run at all. Pure.
 * @param room where it was measured
 */
export function requestWarnings(request: GenerateRequest, model: ModelManifest, room?: GpuMemoryBudget): RequestWarning[] {
  if (requestProblems(request, model).length > 0) return []
  return [...sizeWarning(request, model), ...memoryWarning(request, model, room), ...lengthWarning(request, model)]
}

function memoryWarning(request: GenerateRequest, model: ModelManifest, room: GpuMemoryBudget | undefined): RequestWarning[] {
  const bytes = room ? requestBytes(request, model, room.weightBytes) : 0
  return room && bytes > room.budgetBytes ? [{ field: 'width', kind: 'memory', got: String(Math.round(bytes)), taught: String(room.budgetBytes) }] : []
}

function sizeWarning({ width, height }: GenerateRequest, model: ModelManifest): RequestWarning[] {
  if (isTrainedSize({ width, height }, model)) return []
  const taught = model.sizes.map((size) => `${size.width}×${size.height}`).join(', ')
  const { width: wide, height: high } = nearestSize(width, height, model.sizes)
  return [{ field: 'width', kind: 'size', got: `${width}×${height}`, taught, nearest: { width: wide, height: high } }]
}

function lengthWarning(request: GenerateRequest, model: ModelManifest): RequestWarning[] {
  const { frames, before, after, loop, shots } = request
  const { allowed } = model.frames
  const [longest, taught] = [chunkFrames(model), allowed.join(', ')]
  if (shots) return []
  if (frames > longest) {
    const windows = planOf(request, model).filter(({ kind }) => kind === 'chunk').length
    return [{ field: 'frames', kind: 'windows', got: String(frames), taught: String(longest), windows }]
  }
  // beside other clips a window has frames of theirs too, and a still is no short clip
  const known = allowed.includes(frames) || frames === 1 || (model.grid && frames % model.grid.group === 1)
  if (known || before || after || loop) return []
  const nearest = allowed.reduce((best, one) => (Math.abs(one - frames) < Math.abs(best - frames) ? one : best))
  return [{ field: 'frames', kind: 'length', got: String(frames), taught, nearest: { frames: nearest } }]
}

/** Nearest in shape first (log aspect), then in area. */
function nearestSize<S extends { width: number; height: number }>(width: number, height: number, sizes: readonly S[]): S {
  const distance = (s: S) => 4 * Math.abs(Math.log((s.width / s.height) * (height / width))) + Math.abs(Math.log((s.width * s.height) / (width * height)))
  return sizes.reduce((best, candidate) => (distance(candidate) < distance(best) ? candidate : best))
}
