// The sources that can be downloaded: what is here of each, and what is under way.
import type { DownloadState, ModelsDoor } from '../../src/shared/doors'
import { AppError } from '../../src/shared/errors'
import { HUB, SOURCES, type ModelSource } from '../../src/shared/sources'
import { removeDownload, withDownloadLock } from '../storage/download-store'
import { storageSpace } from '../storage/free-space'
import { DownloadRun, keptState, type DownloadOptions } from './download-run'

/** One run, and who listens to it. */
interface Running {
  stop: AbortController
  listeners: Set<(state: DownloadState) => void>
  run: DownloadRun
  done: Promise<DownloadState>
}

/**
 * The door of models.worker.
 * @param sources,options others than the table's, for tests
 */
export function openDownloads(sources: readonly ModelSource[] = SOURCES, options: DownloadOptions = {}): ModelsDoor {
  const running = new Map<string, Running>()

  const find = (id: string): ModelSource => {
    const source = sources.find((one) => one.id === id)
    if (!source) throw new AppError('not-found', `No model source is called ${id}; there are ${sources.map((one) => one.id).join(', ')}.`, { source: id })
    return source
  }

  /** Joins what is under way, or starts `action`. */
  const start = (id: string, onState: (state: DownloadState) => void, action: (run: DownloadRun, signal: AbortSignal) => Promise<DownloadState>): Promise<DownloadState> => {
    const joined = running.get(id)
    if (joined) {
      joined.listeners.add(onState)
      return joined.done
    }
    const stop = new AbortController()
    const listeners = new Set([onState])
    const run = new DownloadRun(find(id), (state) => listeners.forEach((listener) => listener(state)), options)
    const done = action(run, stop.signal).finally(() => running.delete(id))
    running.set(id, { stop, listeners, run, done })
    return done
  }

  const halt = async (id: string): Promise<void> => {
    const one = running.get(id)
    one?.stop.abort(new AppError('cancelled', 'The download was paused.'))
    await one?.done
  }

  return {
    list: () => Promise.all(sources.map(async (source) => running.get(source.id)?.run.state() ?? (await keptState(source)))),
    download: async (id, baseUrl, onState) => start(id, onState, (run, signal) => run.download(signal, baseUrl ?? HUB.baseUrl)),
    verify: async (id, onState) => start(id, onState, (run, signal) => run.verify(signal)),
    async pause(id) {
      find(id)
      await halt(id)
    },
    async remove(id) {
      find(id)
      await halt(id)
      await withDownloadLock(new AbortController().signal, id, () => removeDownload(id))
    },
    space: storageSpace,
  }
}
