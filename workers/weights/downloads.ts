// The sources that can be downloaded: what is here of each, and what is under way.
import type { DownloadState, ModelsApi } from '../../src/shared/worker-apis'
import { AppError } from '../../src/shared/errors'
import { HUB, CATALOGUE, type CatalogueEntry } from '../../src/shared/model-catalogue'
import { readJournal, removeDownload, withDownloadLock } from '../storage/download-store'
import { storageSpace } from '../storage/free-space'
import { DownloadRun, keptState, type DownloadOptions } from './download-run'
import { fetchManifest, fetchModelFile } from './fetch-file'
import { copiedBytes, removeOrphans } from './quantized-copies'

const never = new AbortController().signal

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
export function openDownloads(sources: readonly CatalogueEntry[] = CATALOGUE, options: DownloadOptions = {}): ModelsApi {
  const running = new Map<string, Running>()

  const find = (id: string): CatalogueEntry => {
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

  const sweep = async (): Promise<void> => {
    const present = (await Promise.all(sources.map(hashesHere))).flat()
    await removeOrphans(never, new Set(present))
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
      await withDownloadLock(never, id, () => removeDownload(id))
      await sweep()
    },
    async verifyFolder(modelUrl) {
      const { files } = await fetchManifest(modelUrl)
      let bytes = 0
      for (const file of files) bytes += (await fetchModelFile(modelUrl, file)).length
      return bytes
    },
    async copies() {
      await sweep()
      const copied = await copiedBytes(never)
      const bytesOf = async (source: CatalogueEntry) => (await hashesHere(source)).reduce((sum, hash) => sum + (copied.get(hash) ?? 0), 0)
      return Object.fromEntries(await Promise.all(sources.map(async (source) => [source.id, await bytesOf(source)] as const)))
    },
    space: storageSpace,
  }
}

/** SHA-256 of a source's files of which anything is here: as they were found to be, or, until they are whole, as they must come. */
async function hashesHere({ id, files }: CatalogueEntry): Promise<string[]> {
  const hashes = await Promise.all(files.map(async ({ path, pin }) => {
    const journal = await readJournal(id, path)
    return journal && (journal.whole ?? pin?.sha256)
  }))
  return hashes.filter((hash) => hash !== undefined)
}
