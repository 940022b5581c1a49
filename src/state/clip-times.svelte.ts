import { measure } from '../rpc/generate'
import { toErrorData } from '../shared/errors'
import type { ErrorData } from '../shared/errors'
import type { ModelManifest } from '../shared/model'
import type { GpuMemoryBudget } from '../shared/request-warnings'
import { readTimes, type ModelTimes } from '../shared/time-estimate'
import { VIDEO_ENTRIES } from './model-set'
import { session, STARTER } from './session.svelte'
import { readStored, writeStored } from './stored'

/** Measurement id of the starter. */
export const starterShape = (version: number): string => `starter ${version}`

/** Measured speeds of models on the adapters of this device, kept across reloads. */
class ClipTimes {
  /** by adapter and measurement id */
  #times = $state.raw<ReadonlyMap<string, ModelTimes>>(new Map())
  /** measurement id of the model that is being measured */
  measuring = $state<string | null>(null)
  #errors = $state.raw<ReadonlyMap<string, ErrorData>>(new Map())

  constructor() {
    this.#times = new Map(readTimes(readStored('times')))
  }

  of(adapter: string, model: string): ModelTimes | null {
    return this.#times.get(keyOf(adapter, model)) ?? null
  }

  errorOf(model: string): ErrorData | null {
    return this.#errors.get(model) ?? null
  }

  /** Measures one block of a model. Only one measurement runs at a time. @param url URL of the model */
  async measure(adapter: string, model: string, url: string): Promise<void> {
    if (this.measuring !== null) return
    this.measuring = model
    this.#errors = new Map([...this.#errors].filter(([id]) => id !== model))
    try {
      this.#times = new Map([...this.#times, [keyOf(adapter, model), await measure(url)]])
      writeStored('times', [...this.#times])
    } catch (error) {
      this.#errors = new Map([...this.#errors, [model, toErrorData(error)]])
    } finally {
      this.measuring = null
    }
  }
}

/** Key of a stored entry: format version, adapter and measurement id. */
function keyOf(adapter: string, model: string): string {
  return JSON.stringify([2, adapter, model])
}

export const clipTimes = new ClipTimes()

/** GPU memory that was free for clips of a model when it was measured; undefined if it was not measured. */
export function gpuMemoryBudget({ id, version, files }: ModelManifest): GpuMemoryBudget | undefined {
  const adapter = session.adapter?.adapter
  const entry = VIDEO_ENTRIES.find((one) => one.id === id)
  const shape = id === STARTER ? starterShape(version) : entry?.shape
  const times = adapter === undefined || shape === undefined ? null : clipTimes.of(adapter, shape)
  if (!times) return undefined
  const weightBytes = id === STARTER ? files.reduce((sum, file) => sum + file.bytes, 0) : (entry?.gpuBytes ?? 0)
  return { budgetBytes: times.budgetBytes, weightBytes }
}
