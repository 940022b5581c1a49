// The fastest kernels measured on this machine's adapters, cached between visits.
import { withStore } from './single-store'

/** The fastest kernel for some work, and the code of the variants that it was measured against: other code may have another order. */
export interface CachedKernel {
  /** of a Candidate */
  key: string
  kernel: string
  /** hex SHA-256 */
  code: string
}

/** The cached kernels of one adapter. */
export interface TuningCache {
  find(keys: readonly string[]): Promise<CachedKernel[]>
  save(kernels: readonly CachedKernel[]): Promise<void>
}

const DATABASE = 'kinora-kernels'
const STORE = 'choices'
const KEY_PATH = ['adapter', 'key']

/** @param adapter its name, with the driver's version where the browser reports it */
export function openTuningCache(adapter: string): TuningCache {
  return {
    find: (keys) =>
      orDefault([], () =>
        withStore(DATABASE, STORE, KEY_PATH, async (database) => {
          const found = await Promise.all(keys.map((key) => database.get(STORE, [adapter, key]) as Promise<CachedKernel | undefined>))
          return found.filter((kernel) => kernel !== undefined)
        }),
      ),
    save: (kernels) =>
      orDefault(undefined, () =>
        withStore(DATABASE, STORE, KEY_PATH, async (database) => {
          const transaction = database.transaction(STORE, 'readwrite')
          await Promise.all(kernels.map((kernel) => transaction.store.put({ adapter, ...kernel })))
          await transaction.done
        }),
      ),
  }
}

/** A browser without storage measures the kernels on each visit: that must not fail a job. */
async function orDefault<T>(value: T, action: () => Promise<T>): Promise<T> {
  try {
    return await action()
  } catch (error) {
    console.warn('The kernel tuning cache is not available:', error)
    return value
  }
}
