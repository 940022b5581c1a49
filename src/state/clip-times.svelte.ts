import { measure } from '../rpc/generate'
import { toErrorData } from '../shared/errors'
import type { ErrorData } from '../shared/errors'
import type { ModelTimes } from '../shared/time-estimate'
import { readStored, writeStored } from './stored'

/** What a downloaded model is measured as: all versions of LTX-Video 2B have one shape. */
export const LTX_SHAPE = 'ltx-2b'

/** What the starter is measured as. */
export const starterShape = (version: number): string => `starter ${version}`

/** What was measured of models on this machine's adapter: once, and kept. */
class ClipTimes {
  /** by adapter and model */
  #times = $state.raw<ReadonlyMap<string, ModelTimes>>(new Map())
  /** the model that is being measured */
  measuring = $state<string | null>(null)
  #errors = $state.raw<ReadonlyMap<string, ErrorData>>(new Map())

  constructor() {
    const stored = readStored('times')
    if (Array.isArray(stored)) this.#times = new Map(stored.filter(isEntry))
  }

  of(adapter: string, model: string): ModelTimes | null {
    return this.#times.get(keyOf(adapter, model)) ?? null
  }

  errorOf(model: string): ErrorData | null {
    return this.#errors.get(model) ?? null
  }

  /** Measures a model's block; one at a time. @param url address of the model */
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

/** The layout of what is kept, the adapter, and a shape: all versions of LTX-Video 2B have one. */
function keyOf(adapter: string, model: string): string {
  return JSON.stringify([2, adapter, model])
}

function isEntry(entry: unknown): entry is [string, ModelTimes] {
  if (!Array.isArray(entry) || typeof entry[0] !== 'string') return false
  const times = entry[1] as Partial<ModelTimes> | null
  const numbers = [times?.width, times?.blocks, times?.decoderFlops, times?.budgetBytes]
  return numbers.every((value) => typeof value === 'number') && Array.isArray(times?.measured) && times.measured.length > 0
}

export const clipTimes = new ClipTimes()
