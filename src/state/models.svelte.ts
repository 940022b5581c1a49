import { fits } from '../rpc/generate'
import { fetchManifest, modelFolderUrl } from '../rpc/manifest'
import { download, listCopies, listDownloads, pauseDownload, removeDownload, storageSpace, verifyDownload, verifyFolder } from '../rpc/models'
import type { DownloadState, StorageSpace } from '../shared/worker-apis'
import { toErrorData } from '../shared/errors'
import type { ErrorData } from '../shared/errors'
import type { ModelManifest } from '../shared/model'
import { CATALOGUE, encodersOf } from '../shared/model-catalogue'
import type { CatalogueEntry } from '../shared/model-catalogue'
import { localFiles } from './local-files.svelte'
import { mirror } from './mirror.svelte'
import { absent, CHOSEN_ENTRIES, modelSet, setProgress, VIDEO_ENTRIES } from './model-set'
import type { SetProgress } from './model-set'
import { readStored, writeStored } from './stored'

/** What runs over the entries of a set. */
export type RunKind = 'download' | 'verify'
/** The part of a run for one entry. */
type Work = (source: CatalogueEntry, onState: (state: DownloadState) => void) => Promise<DownloadState>

/** Downloads of the models in the catalogue. Downloads continue while other views are open. */
class Models {
  status = $state<'unread' | 'reading' | 'ready' | 'failed'>('unread')
  error = $state.raw<ErrorData | null>(null)
  /** the model that is included with the page */
  starter = $state.raw<ModelManifest | null>(null)
  /** result of verifying the files of the starter */
  starterCheck = $state.raw<'checking' | 'verified' | ErrorData | null>(null)
  space = $state.raw<StorageSpace | null>(null)
  /** bytes of the quantized copy of each entry, by id */
  #copies = $state.raw<Readonly<Record<string, number>>>({})
  /** latest download state of each entry, by id */
  #states = $state.raw<ReadonlyMap<string, DownloadState>>(new Map())
  /** the same, with local files in place of downloads */
  readonly #available = $derived.by(() => {
    const onDisk = CATALOGUE.flatMap((source) => localFiles.asDownload(source) ?? [])
    return new Map([...this.#states, ...onDisk.map((state) => [state.source, state] as const)])
  })
  /** active runs, by the id of the first entry of the set */
  #running = $state.raw<ReadonlyMap<string, RunKind>>(new Map())
  /** error of the latest run, by the same id */
  #errors = $state.raw<ReadonlyMap<string, ErrorData>>(new Map())
  /** whether a number of bytes fits into GPU memory; null if that could not be determined */
  #fits = $state.raw<ReadonlyMap<number, boolean | null>>(new Map())
  /** ids of the chosen text encoders, at most one of each kind */
  #encoderIds = $state.raw<readonly string[]>([])
  /** URLs of accepted licenses */
  #licenses = $state.raw<ReadonlySet<string>>(new Set())
  #reading: Promise<void> | null = null
  /** runs that are being stopped */
  readonly #stopping = new Set<string>()

  readonly busy = $derived(this.#running.size > 0)

  constructor() {
    const licenses = readStored('licences')
    if (Array.isArray(licenses)) this.#licenses = new Set(licenses.filter((entry) => typeof entry === 'string'))
    this.#encoderIds = [readStored('encoder')].flat().filter((id) => typeof id === 'string')
  }

  /** Reads the state of all downloads. Concurrent calls share one read. */
  load(): Promise<void> {
    this.#reading ??= this.#read().finally(() => (this.#reading = null))
    return this.#reading
  }

  async #read(): Promise<void> {
    if (this.status !== 'ready') this.status = 'reading'
    try {
      const [states, copies, space, starter] = await Promise.all([
        listDownloads(),
        listCopies(),
        storageSpace(),
        fetchManifest(modelFolderUrl('starter')),
        localFiles.load(),
      ])
      // states of active runs are newer than what was read
      const running = [...this.#running.keys()].flatMap((id) => this.#setOf(entryOf(id))).map(({ id }) => id)
      const idle = states.filter(({ source }) => !running.includes(source))
      this.#states = new Map([...this.#states, ...idle.map((state) => [state.source, state] as const)])
      this.#copies = copies
      this.space = space
      this.starter = starter
      this.status = 'ready'
    } catch (error) {
      this.error = toErrorData(error)
      this.status = 'failed'
    }
  }

  /** The text encoder of a kind: the chosen one, otherwise one that is downloaded, otherwise the first of the catalogue. */
  encoderOf(kind: string): CatalogueEntry {
    const entries = encodersOf(kind)
    const chosen = entries.find(({ id }) => this.#encoderIds.includes(id))
    const here = entries.find(({ id }) => this.#available.get(id)?.status === 'complete')
    const [first] = entries
    if (!first) throw new Error(`The model catalogue has no text encoder of the kind ${kind}.`)
    return chosen ?? here ?? first
  }

  /** See {@link modelSet}. */
  #setOf(source: CatalogueEntry): CatalogueEntry[] {
    return modelSet(source, source.role === 'video' && source.encoderKind !== undefined ? this.encoderOf(source.encoderKind) : undefined)
  }

  /** Selects the text encoder of its kind. Ignored while a run is active, which needs the encoder it started with. */
  chooseEncoder(source: CatalogueEntry): void {
    if (this.busy) return
    const others = this.#encoderIds.filter((id) => !encodersOf(source.encoderKind ?? '').some((other) => other.id === id))
    this.#encoderIds = [...others, source.id]
    // one id is stored as it always was, without a list
    writeStored('encoder', others.length === 0 ? source.id : this.#encoderIds)
  }

  progress(source: CatalogueEntry): SetProgress {
    return setProgress(this.#setOf(source), this.#available, this.#running.has(source.id))
  }

  /** Dependencies of `source` that are missing; a local folder may contain them. */
  missingBeside(source: CatalogueEntry): CatalogueEntry[] {
    return this.#setOf(source).filter((part) => part !== source && this.#available.get(part.id)?.status !== 'complete')
  }

  runOf(source: CatalogueEntry): RunKind | null {
    return this.#running.get(source.id) ?? null
  }

  /** Bytes on disk of this entry alone, including its quantized copy. */
  bytesHere(source: CatalogueEntry): number {
    const downloaded = this.#states.get(source.id)?.parts.reduce((sum, part) => sum + part.bytesDone, 0) ?? 0
    return downloaded === 0 ? 0 : downloaded + (this.#copies[source.id] ?? 0)
  }

  /** Download size of this entry alone, in bytes. */
  bytesOf(source: CatalogueEntry): number {
    return (this.#states.get(source.id) ?? absent(source)).parts.reduce((sum, part) => sum + part.bytesTotal, 0)
  }

  errorOf(source: CatalogueEntry): ErrorData | null {
    return this.#errors.get(source.id) ?? null
  }

  /** Entries of a set whose licenses have not been accepted. */
  licensesToAccept(source: CatalogueEntry): CatalogueEntry[] {
    return this.#setOf(source).filter(({ license }) => !this.#licenses.has(license.url))
  }

  acceptLicenses(sources: readonly CatalogueEntry[]): void {
    this.#licenses = new Set([...this.#licenses, ...sources.map(({ license }) => license.url)])
    writeStored('licences', [...this.#licenses])
  }

  /** Downloads the missing entries of a set, one after the other. */
  async download(source: CatalogueEntry): Promise<void> {
    await this.#run('download', source, async (part, onState) => {
      const state = this.#states.get(part.id)
      return state?.status === 'complete' ? state : download(part.id, mirror.url, onState)
    })
  }

  /** Verifies the downloaded files of a set against their hashes. */
  async verify(source: CatalogueEntry): Promise<void> {
    await this.#run('verify', source, async (part, onState) => {
      const state = this.#states.get(part.id) ?? absent(part)
      return state.status === 'absent' ? state : verifyDownload(part.id, onState)
    })
  }

  /** Verifies the files of the starter against their hashes. */
  async verifyStarter(): Promise<void> {
    if (this.starterCheck === 'checking') return
    this.starterCheck = 'checking'
    try {
      await verifyFolder(modelFolderUrl('starter'))
      this.starterCheck = 'verified'
    } catch (error) {
      this.starterCheck = toErrorData(error)
    }
  }

  /** Pauses a run; downloaded data is kept. */
  async pause(source: CatalogueEntry): Promise<void> {
    if (!this.#running.has(source.id)) return
    this.#stopping.add(source.id)
    await Promise.all(this.#setOf(source).map(({ id }) => pauseDownload(id)))
  }

  /**
   * Stops the run of an entry, and deletes the entry and its incomplete dependencies. Complete dependencies are kept; a tokenizer is
   * deleted with the last text encoder of its kind.
   */
  async remove(source: CatalogueEntry): Promise<void> {
    this.#stopping.add(source.id)
    const isHere = ({ id }: CatalogueEntry) => this.#available.get(id)?.status !== 'absent'
    const lastEncoder = source.role === 'text-encoder' && !encodersOf(source.encoderKind ?? '').some((other) => other !== source && isHere(other))
    try {
      for (const part of this.#setOf(source)) {
        const deleted = part === source || this.#states.get(part.id)?.status !== 'complete' || (part.role === 'tokenizer' && lastEncoder)
        if (!deleted) continue
        await removeDownload(part.id)
        this.#setState(absent(part))
        this.#copies = { ...this.#copies, [part.id]: 0 }
      }
      this.#setError(source, null)
    } catch (error) {
      this.#setError(source, toErrorData(error))
    } finally {
      if (!this.#running.has(source.id)) this.#stopping.delete(source.id)
    }
    await this.#refreshSpace()
  }

  /** Whether a number of bytes fits into the free GPU memory: undefined until it is measured, null if that failed. */
  fits(bytes: number): boolean | null | undefined {
    return this.#fits.get(bytes)
  }

  /** Measures once for each video model whether it fits into GPU memory. */
  async findFits(): Promise<void> {
    const sizes = new Set(VIDEO_ENTRIES.flatMap(({ gpuBytes }) => (gpuBytes === undefined ? [] : [gpuBytes])))
    for (const bytes of sizes) {
      if (this.#fits.get(bytes) !== undefined) continue
      const answer = await fits(bytes).catch(() => null)
      this.#fits = new Map([...this.#fits, [bytes, answer]])
    }
  }

  async #run(kind: RunKind, source: CatalogueEntry, work: Work): Promise<void> {
    if (this.#running.has(source.id)) return
    this.#running = new Map([...this.#running, [source.id, kind]])
    this.#stopping.delete(source.id)
    this.#setError(source, null)
    try {
      // local files are neither downloaded nor hashed
      for (const part of this.#setOf(source).filter((one) => !localFiles.asDownload(one))) {
        if (this.#stopping.has(source.id)) break
        let finished = false
        // events use a separate port and may arrive after the result
        const state = await work(part, (event) => void (finished || this.#setState(event))).finally(() => (finished = true))
        // ignores the result for an entry that was deleted meanwhile
        if (!this.#stopping.has(source.id) || state.status !== 'absent') this.#setState(state)
        if (state.error) this.#setError(source, state.error)
        if (state.status !== 'complete') break
      }
    } catch (error) {
      this.#setError(source, toErrorData(error))
      await this.#reloadStates()
    } finally {
      this.#running = new Map([...this.#running].filter(([id]) => id !== source.id))
      this.#stopping.delete(source.id)
    }
    await this.#refreshSpace()
  }

  #setState(state: DownloadState): void {
    this.#states = new Map([...this.#states, [state.source, state]])
  }

  #setError(source: CatalogueEntry, error: ErrorData | null): void {
    const others = [...this.#errors].filter(([id]) => id !== source.id)
    this.#errors = new Map(error ? [...others, [source.id, error]] : others)
  }

  /** Reads the states from storage again, after a worker has crashed. */
  async #reloadStates(): Promise<void> {
    const states = await listDownloads().catch(() => [])
    this.#states = new Map([...this.#states, ...states.map((state) => [state.source, state] as const)])
  }

  async #refreshSpace(): Promise<void> {
    this.space = await storageSpace().catch(() => this.space)
  }
}

function entryOf(id: string): CatalogueEntry {
  const source = CHOSEN_ENTRIES.find((candidate) => candidate.id === id)
  if (!source) throw new Error(`There is no catalogue entry with the id ${id}.`)
  return source
}

export const models = new Models()
