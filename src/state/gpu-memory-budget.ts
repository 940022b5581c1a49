import type { ModelManifest } from '../shared/model'
import type { GpuMemoryBudget } from '../shared/request-warnings'
import { clipTimes, LTX_SHAPE, starterShape } from './clip-times.svelte'
import { VIDEO_SOURCES } from './model-set'
import { session, STARTER } from './session.svelte'

/** The memory that this GPU had for a model's clips when they were measured; undefined where they were not. */
export function gpuMemoryBudget({ id, version, files }: ModelManifest): GpuMemoryBudget | undefined {
  const adapter = session.adapter?.adapter
  const times = adapter === undefined ? null : clipTimes.of(adapter, id === STARTER ? starterShape(version) : LTX_SHAPE)
  if (!times) return undefined
  const weightBytes = id === STARTER ? files.reduce((sum, file) => sum + file.bytes, 0) : (VIDEO_SOURCES.find((source) => source.id === id)?.gpuBytes ?? 0)
  return { budgetBytes: times.budgetBytes, weightBytes }
}
