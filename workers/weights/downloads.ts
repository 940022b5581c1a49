// The downloads of catalogue entries: what is on the disk, and what is running.
import type { DownloadState, ModelsApi } from '../../src/shared/worker-apis'
import { AppError } from '../../src/shared/errors'
import { HUB, CATALOGUE, type CatalogueEntry } from '../../src/shared/model-catalogue'
import { readJournal, removeDownload, withDownloadLock } from '../storage/download-store'
import { storageSpace } from '../storage/free-space'
import { DownloadRun, downloadedState, type DownloadOptions } from './download-run'
import { fetchManifest, fetchModelFile } from './fetch-file'
import { copiedBytes, removeOrphans } from './quantized-cache'

const never = new AbortController().signal

/** A run and its listeners. */
interface Running {
  stop: AbortController
  listeners: Set<(state: DownloadState) => void>
  run: DownloadRun
  done: Promise<DownloadState>
}

/**
 * The API of models.worker.
 * @param catalogue,options replaceable in tests
 */
export function openDownloads(catalogue: readonly CatalogueEntry[] = CATALOGUE, options: DownloadOptions = {}): ModelsApi {
  const running = new Map<string, Running>()

  const find = (id: string): CatalogueEntry => {
    const entry = catalogue.find((one) => one.id === id)
    if (!entry)
      throw new AppError('not-found', `Expected the id of a catalogue entry (${catalogue.map((one) => one.id).join(', ')}), got ${id}.`, { source: id })
    return entry
  }

  /** Joins the entry's running download or verification, or starts `action`. */
  const start = (
    id: string,
    onState: (state: DownloadState) => void,
    action: (run: DownloadRun, signal: AbortSignal) => Promise<DownloadState>,
  ): Promise<DownloadState> => {
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
    const present = (await Promise.all(catalogue.map(downloadedHashes))).flat()
    await removeOrphans(never, new Set(present))
  }

  return {
    list: () => Promise.all(catalogue.map(async (entry) => running.get(entry.id)?.run.state() ?? (await downloadedState(entry)))),
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
      const { files } = await fetchManifest(never, modelUrl)
      let bytes = 0
      for (const file of files) bytes += (await fetchModelFile(never, modelUrl, file)).length
      return bytes
    },
    async copies() {
      await sweep()
      const copied = await copiedBytes(never)
      const bytesOf = async (entry: CatalogueEntry) => (await downloadedHashes(entry)).reduce((sum, hash) => sum + (copied.get(hash) ?? 0), 0)
      return Object.fromEntries(await Promise.all(catalogue.map(async (entry) => [entry.id, await bytesOf(entry)] as const)))
    },
    space: storageSpace,
  }
}

/** SHA-256 of an entry's files that are at least partly downloaded: the verified hash, or the known one before that. */
async function downloadedHashes({ id, files }: CatalogueEntry): Promise<string[]> {
  const hashes = await Promise.all(
    files.map(async ({ path, pin }) => {
      const journal = await readJournal(id, path)
      return journal && (journal.whole ?? pin?.sha256)
    }),
  )
  return hashes.filter((hash) => hash !== undefined)
}
