import { fits } from '../rpc/generate'
import { fetchManifest, modelFolderUrl } from '../rpc/manifest'
import { download, listCopies, listDownloads, pauseDownload, removeDownload, storageSpace, verifyDownload, verifyFolder } from '../rpc/models'
import type { DownloadState, StorageSpace } from '../shared/worker-apis'
import { toErrorData } from '../shared/errors'
import type { ErrorData } from '../shared/errors'
import type { ModelManifest } from '../shared/model'
import { CATALOGUE } from '../shared/model-catalogue'
import type { CatalogueEntry } from '../shared/model-catalogue'
import { localFiles } from './local-files.svelte'
import { mirror } from './mirror.svelte'
import { absent, CHOSEN_SOURCES, ENCODER_SOURCES, modelSet, setProgress, VIDEO_SOURCES } from './model-set'
import type { SetProgress } from './model-set'
import { readStored, writeStored } from './stored'

/** What a set's sources are gone through for. */
export type RunKind = 'download' | 'verify'
/** One source's part of a run. */
type Work = (source: CatalogueEntry, onState: (state: DownloadState) => void) => Promise<DownloadState>

/** The models that can be downloaded: what is here of each, and what is under way. Goes on while other views are shown. */
class Models {
  status = $state<'unread' | 'reading' | 'ready' | 'failed'>('unread')
  error = $state.raw<ErrorData | null>(null)
  /** the model that comes with the page */
  starter = $state.raw<ModelManifest | null>(null)
  /** what comparing the starter's files with their hashes has found */
  starterCheck = $state.raw<'checking' | 'right' | ErrorData | null>(null)
  space = $state.raw<StorageSpace | null>(null)
  /** bytes of what was made of each source at its first start, by its id */
  #copies = $state.raw<Readonly<Record<string, number>>>({})
  /** what the worker said last of each source, by its id */
  #states = $state.raw<ReadonlyMap<string, DownloadState>>(new Map())
  /** the same, and what is read from the user's own disk instead */
  readonly #known = $derived.by(() => {
    const onDisk = CATALOGUE.flatMap((source) => localFiles.asDownload(source) ?? [])
    return new Map([...this.#states, ...onDisk.map((state) => [state.source, state] as const)])
  })
  /** what is under way, by the id of the set's first source */
  #running = $state.raw<ReadonlyMap<string, RunKind>>(new Map())
  /** why a set's latest run stopped, by the same id */
  #errors = $state.raw<ReadonlyMap<string, ErrorData>>(new Map())
  /** whether so many bytes fit the GPU, as far as it was asked; null: the asking failed */
  #fits = $state.raw<ReadonlyMap<number, boolean | null>>(new Map())
  #encoderId = $state<string>()
  /** addresses of licences that were accepted */
  #licences = $state.raw<ReadonlySet<string>>(new Set())
  #reading: Promise<void> | null = null
  /** runs that were asked to stop */
  readonly #stopping = new Set<string>()

  readonly busy = $derived(this.#running.size > 0)

  constructor() {
    const licences = readStored('licences')
    if (Array.isArray(licences)) this.#licences = new Set(licences.filter((entry) => typeof entry === 'string'))
    const encoder = readStored('encoder')
    if (ENCODER_SOURCES.some(({ id }) => id === encoder)) this.#encoderId = encoder as string
  }

  /** Reads what is here; who asks meanwhile waits for the same reading. */
  load(): Promise<void> {
    this.#reading ??= this.#read().finally(() => (this.#reading = null))
    return this.#reading
  }

  async #read(): Promise<void> {
    if (this.status !== 'ready') this.status = 'reading'
    try {
      const [states, copies, space, starter] = await Promise.all([
        listDownloads(), listCopies(), storageSpace(), fetchManifest(modelFolderUrl('starter')), localFiles.load(),
      ])
      // what a run has said meanwhile is newer
      const running = [...this.#running.keys()].flatMap((id) => modelSet(sourceOf(id), this.encoder)).map(({ id }) => id)
      const kept = states.filter(({ source }) => !running.includes(source))
      this.#states = new Map([...this.#states, ...kept.map((state) => [state.source, state] as const)])
      this.#copies = copies
      this.space = space
      this.starter = starter
      this.status = 'ready'
    } catch (error) {
      this.error = toErrorData(error)
      this.status = 'failed'
    }
  }

  /** The text encoder that video models read with: the chosen one, else one that is here, else the first of the table. */
  get encoder(): CatalogueEntry {
    const chosen = ENCODER_SOURCES.find(({ id }) => id === this.#encoderId)
    const here = ENCODER_SOURCES.find(({ id }) => this.#known.get(id)?.status === 'complete')
    const [first] = ENCODER_SOURCES
    if (!first) throw new Error('The table of sources has no text encoder.')
    return chosen ?? here ?? first
  }

  /** A run goes on with the encoder that it began with. */
  chooseEncoder(source: CatalogueEntry): void {
    if (this.busy) return
    this.#encoderId = source.id
    writeStored('encoder', source.id)
  }

  progress(source: CatalogueEntry): SetProgress {
    return setProgress(modelSet(source, this.encoder), this.#known, this.#running.has(source.id))
  }

  /** What `source` works with and is not here: a folder that it is chosen from may have that, too. */
  missingBeside(source: CatalogueEntry): CatalogueEntry[] {
    return modelSet(source, this.encoder).filter((part) => part !== source && this.#known.get(part.id)?.status !== 'complete')
  }

  runOf(source: CatalogueEntry): RunKind | null {
    return this.#running.get(source.id) ?? null
  }

  /** Bytes of this source alone that are on the disk, with what was made of it at its first start. */
  bytesHere(source: CatalogueEntry): number {
    const downloaded = this.#states.get(source.id)?.parts.reduce((sum, part) => sum + part.bytesDone, 0) ?? 0
    return downloaded === 0 ? 0 : downloaded + (this.#copies[source.id] ?? 0)
  }

  /** Bytes of this source alone, here or not. */
  bytesOf(source: CatalogueEntry): number {
    return (this.#states.get(source.id) ?? absent(source)).parts.reduce((sum, part) => sum + part.bytesTotal, 0)
  }

  errorOf(source: CatalogueEntry): ErrorData | null {
    return this.#errors.get(source.id) ?? null
  }

  /** The sources of a set whose licences are yet to be accepted. */
  licencesToAccept(source: CatalogueEntry): CatalogueEntry[] {
    return modelSet(source, this.encoder).filter(({ license }) => !this.#licences.has(license.url))
  }

  acceptLicences(sources: readonly CatalogueEntry[]): void {
    this.#licences = new Set([...this.#licences, ...sources.map(({ license }) => license.url)])
    writeStored('licences', [...this.#licences])
  }

  /** Fetches what is missing of the set, one source after the other. */
  async download(source: CatalogueEntry): Promise<void> {
    await this.#run('download', source, async (part, onState) => {
      const state = this.#states.get(part.id)
      return state?.status === 'complete' ? state : download(part.id, mirror.url, onState)
    })
  }

  /** Compares what is here of the set with its hashes. */
  async verify(source: CatalogueEntry): Promise<void> {
    await this.#run('verify', source, async (part, onState) => {
      const state = this.#states.get(part.id) ?? absent(part)
      return state.status === 'absent' ? state : verifyDownload(part.id, onState)
    })
  }

  /** Compares the starter's files with their hashes. */
  async verifyStarter(): Promise<void> {
    if (this.starterCheck === 'checking') return
    this.starterCheck = 'checking'
    try {
      await verifyFolder(modelFolderUrl('starter'))
      this.starterCheck = 'right'
    } catch (error) {
      this.starterCheck = toErrorData(error)
    }
  }

  /** Stops a run; what is here stays. */
  async pause(source: CatalogueEntry): Promise<void> {
    if (!this.#running.has(source.id)) return
    this.#stopping.add(source.id)
    await Promise.all(modelSet(source, this.encoder).map(({ id }) => pauseDownload(id)))
  }

  /**
   * Stops a run if there is one, and deletes the source, with the beginnings of what it needs. What is whole and shared stays;
   * a tokenizer goes with the last encoder.
   */
  async remove(source: CatalogueEntry): Promise<void> {
    this.#stopping.add(source.id)
    const isHere = ({ id }: CatalogueEntry) => this.#known.get(id)?.status !== 'absent'
    const lastEncoder = source.role === 'text-encoder' && !ENCODER_SOURCES.some((other) => other !== source && isHere(other))
    try {
      for (const part of modelSet(source, this.encoder)) {
        const goes = part === source || this.#states.get(part.id)?.status !== 'complete' || (part.role === 'tokenizer' && lastEncoder)
        if (!goes) continue
        await removeDownload(part.id)
        this.#take(absent(part))
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

  /** Whether so many bytes fit the GPU beside what is there: undefined while that is not known, null when it cannot be told. */
  fits(bytes: number): boolean | null | undefined {
    return this.#fits.get(bytes)
  }

  /** Asks the GPU once for each model of the table. */
  async findFits(): Promise<void> {
    const asked = new Set(VIDEO_SOURCES.flatMap(({ gpuBytes }) => (gpuBytes === undefined ? [] : [gpuBytes])))
    for (const bytes of asked) {
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
      // what is read from the user's own disk is neither fetched nor hashed
      for (const part of modelSet(source, this.encoder).filter((one) => !localFiles.asDownload(one))) {
        if (this.#stopping.has(source.id)) break
        let over = false
        // events travel on a port of their own and may come after the answer
        const state = await work(part, (event) => void (over || this.#take(event))).finally(() => (over = true))
        // a source that was removed meanwhile stays so
        if (!this.#stopping.has(source.id) || state.status !== 'absent') this.#take(state)
        if (state.error) this.#setError(source, state.error)
        if (state.status !== 'complete') break
      }
    } catch (error) {
      this.#setError(source, toErrorData(error))
      await this.#reread()
    } finally {
      this.#running = new Map([...this.#running].filter(([id]) => id !== source.id))
      this.#stopping.delete(source.id)
    }
    await this.#refreshSpace()
  }

  #take(state: DownloadState): void {
    this.#states = new Map([...this.#states, [state.source, state]])
  }

  #setError(source: CatalogueEntry, error: ErrorData | null): void {
    const others = [...this.#errors].filter(([id]) => id !== source.id)
    this.#errors = new Map(error ? [...others, [source.id, error]] : others)
  }

  /** After a worker crashed, only the disk knows what is here. */
  async #reread(): Promise<void> {
    const states = await listDownloads().catch(() => [])
    this.#states = new Map([...this.#states, ...states.map((state) => [state.source, state] as const)])
  }

  async #refreshSpace(): Promise<void> {
    this.space = await storageSpace().catch(() => this.space)
  }
}

function sourceOf(id: string): CatalogueEntry {
  const source = CHOSEN_SOURCES.find((candidate) => candidate.id === id)
  if (!source) throw new Error(`There is no model source ${id}.`)
  return source
}

export const models = new Models()
