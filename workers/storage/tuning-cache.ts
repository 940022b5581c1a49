// Which kernels were found fastest on this machine's adapters, kept over visits.
import { withStore } from './small-database'

/** A kernel for some work, and the code of the menu that it was chosen from: other code may run at another pace. */
export interface CachedKernel {
  /** of a Candidate */
  key: string
  kernel: string
  /** hex SHA-256 */
  code: string
}

/** The choices of one adapter. */
export interface TuningCache {
  /** those kept for these keys */
  find(keys: readonly string[]): Promise<CachedKernel[]>
  keep(choices: readonly CachedKernel[]): Promise<void>
}

const CHOICES = 'choices'

/** @param adapter its name, with the driver's version where the browser tells it */
export function openTuningCache(adapter: string): TuningCache {
  return {
    find: (keys) =>
      unlessRefused([], () => withStore('kinora-kernels', CHOICES, ['adapter', 'key'], async (database) => {
        const found = await Promise.all(keys.map((key) => database.get(CHOICES, [adapter, key]) as Promise<CachedKernel | undefined>))
        return found.filter((choice) => choice !== undefined)
      })),
    keep: (choices) =>
      unlessRefused(undefined, () => withStore('kinora-kernels', CHOICES, ['adapter', 'key'], async (database) => {
        const writing = database.transaction(CHOICES, 'readwrite')
        await Promise.all(choices.map((choice) => writing.store.put({ adapter, ...choice })))
        await writing.done
      })),
  }
}

/** A browser that keeps nothing tries the kernels again on each visit: no reason to make no clip. */
async function unlessRefused<T>(otherwise: T, action: () => Promise<T>): Promise<T> {
  try {
    return await action()
  } catch (error) {
    console.warn('What was found out about kernels is not kept:', error)
    return otherwise
  }
}
