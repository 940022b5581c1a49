import { askToRead, forgetLocalFiles, listLocalFiles, chooseLocalFiles } from '../rpc/local-files'
import { localBytes, placeName } from '../shared/local-files'
import type { LocalPlace, LocalFilesState } from '../shared/local-files'
import type { DownloadState } from '../shared/worker-apis'
import { toErrorData } from '../shared/errors'
import type { ErrorData } from '../shared/errors'
import type { CatalogueEntry } from '../shared/model-catalogue'
import { absent } from './model-set'

/** Models that are read from files on the user's disk. */
class LocalFiles {
  #states = $state.raw<ReadonlyMap<string, LocalFilesState>>(new Map())
  /** why chosen files were rejected, by model id */
  #rejections = $state.raw<ReadonlyMap<string, ErrorData>>(new Map())
  /** ids of models whose files are being checked */
  #checking = $state.raw<ReadonlySet<string>>(new Set())

  /** Reads the state of all local files. */
  async load(): Promise<void> {
    const states = await listLocalFiles().catch(() => [])
    this.#states = new Map(states.map((state) => [state.localFiles.source, state] as const))
  }

  /** State of the local files of a model; undefined if it has none. */
  of({ id }: CatalogueEntry): LocalFilesState | undefined {
    return this.#states.get(id)
  }

  /** The local files of a model as a complete download; undefined if it has none, or they are gone. */
  asDownload(source: CatalogueEntry): DownloadState | undefined {
    const state = this.of(source)
    if (!state || state.status === 'gone') return undefined
    const bytes = localBytes(state.localFiles)
    const parts = [{ path: placeName(state.localFiles.place), bytesDone: bytes, bytesTotal: bytes }]
    return { ...absent(source), status: 'complete', parts }
  }

  rejectionOf({ id }: CatalogueEntry): ErrorData | undefined {
    return this.#rejections.get(id)
  }

  isChecking({ id }: CatalogueEntry): boolean {
    return this.#checking.has(id)
  }

  /** Uses a file or folder for a model if its headers match. @param others other models that the folder may contain */
  async choose(source: CatalogueEntry, place: LocalPlace, others: readonly CatalogueEntry[]): Promise<void> {
    await this.#track(source, async () => {
      for (const localFiles of await chooseLocalFiles(
        [source, ...others].map(({ id }) => id),
        place,
      ))
        this.#setState({ localFiles, status: 'ready', error: null })
    })
  }

  /** Asks for permission to read the files again. */
  async allow(source: CatalogueEntry): Promise<void> {
    await this.#track(source, async () => {
      const state = this.of(source)
      if (!state) return
      await askToRead(state.localFiles.place)
      await this.load() // a permission may cover several files of a folder
    })
  }

  /** Stops using the local files; the files themselves are not deleted. */
  async forget(source: CatalogueEntry): Promise<void> {
    await this.#track(source, async () => {
      const state = this.of(source)
      if (!state) return
      await forgetLocalFiles(state.localFiles)
      this.#states = new Map([...this.#states].filter(([id]) => id !== source.id))
    })
  }

  async #track({ id }: CatalogueEntry, action: () => Promise<void>): Promise<void> {
    this.#checking = new Set([...this.#checking, id])
    this.#rejections = new Map([...this.#rejections].filter(([other]) => other !== id))
    try {
      await action()
    } catch (error) {
      this.#rejections = new Map([...this.#rejections, [id, toErrorData(error)]])
    } finally {
      this.#checking = new Set([...this.#checking].filter((other) => other !== id))
    }
  }

  #setState(state: LocalFilesState): void {
    this.#states = new Map([...this.#states, [state.localFiles.source, state]])
  }
}

export const localFiles = new LocalFiles()
