import { askToRead, forgetLocalFiles, listLocalFiles, chooseLocalFiles } from '../rpc/local-files'
import { localBytes, placeName } from '../shared/local-files'
import type { LocalPlace, LocalFilesState } from '../shared/local-files'
import type { DownloadState } from '../shared/worker-apis'
import { toErrorData } from '../shared/errors'
import type { ErrorData } from '../shared/errors'
import type { CatalogueEntry } from '../shared/model-catalogue'
import { absent } from './model-set'

/** The models that are read from the user's own disk, and what became of choosing them. */
class DiskPicks {
  #states = $state.raw<ReadonlyMap<string, LocalFilesState>>(new Map())
  /** why a choice was not taken, by the id of the source that it was for */
  #refusals = $state.raw<ReadonlyMap<string, ErrorData>>(new Map())
  /** ids of sources whose headers are being looked at */
  #checking = $state.raw<ReadonlySet<string>>(new Set())

  /** Looks where all of them stand. */
  async load(): Promise<void> {
    const states = await listLocalFiles().catch(() => [])
    this.#states = new Map(states.map((state) => [state.localFiles.source, state] as const))
  }

  /** Where a source stands that is read from the disk; undefined for any other. */
  of({ id }: CatalogueEntry): LocalFilesState | undefined {
    return this.#states.get(id)
  }

  /** The same as a download is told of, while it is what was chosen: all of it is here. */
  asDownload(source: CatalogueEntry): DownloadState | undefined {
    const state = this.of(source)
    if (!state || state.status === 'gone') return undefined
    const bytes = localBytes(state.localFiles)
    const parts = [{ path: placeName(state.localFiles.place), bytesDone: bytes, bytesTotal: bytes }]
    return { ...absent(source), status: 'complete', parts }
  }

  refusalOf({ id }: CatalogueEntry): ErrorData | undefined {
    return this.#refusals.get(id)
  }

  isChecking({ id }: CatalogueEntry): boolean {
    return this.#checking.has(id)
  }

  /** Takes a place for a source when its headers say that it is one. @param others that a folder may supply besides */
  async choose(source: CatalogueEntry, place: LocalPlace, others: readonly CatalogueEntry[]): Promise<void> {
    await this.#about(source, async () => {
      for (const chosen of await chooseLocalFiles([source, ...others].map(({ id }) => id), place)) this.#take({ localFiles: chosen, status: 'ready', error: null })
    })
  }

  /** Lets the browser ask whether it may be read again. */
  async allow(source: CatalogueEntry): Promise<void> {
    await this.#about(source, async () => {
      const state = this.of(source)
      if (!state) return
      await askToRead(state.localFiles.place)
      await this.load() // one answer may be for several files of a folder
    })
  }

  /** The files stay where they are. */
  async forget(source: CatalogueEntry): Promise<void> {
    await this.#about(source, async () => {
      const state = this.of(source)
      if (!state) return
      await forgetLocalFiles(state.localFiles)
      this.#states = new Map([...this.#states].filter(([id]) => id !== source.id))
    })
  }

  async #about({ id }: CatalogueEntry, action: () => Promise<void>): Promise<void> {
    this.#checking = new Set([...this.#checking, id])
    this.#refusals = new Map([...this.#refusals].filter(([other]) => other !== id))
    try {
      await action()
    } catch (error) {
      this.#refusals = new Map([...this.#refusals, [id, toErrorData(error)]])
    } finally {
      this.#checking = new Set([...this.#checking].filter((other) => other !== id))
    }
  }

  #take(state: LocalFilesState): void {
    this.#states = new Map([...this.#states, [state.localFiles.source, state]])
  }
}

export const localFiles = new DiskPicks()
