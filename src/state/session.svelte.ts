import { fetchManifest, modelFolderUrl } from '../rpc/manifest'
import { probe } from '../rpc/generate'
import { catalogueManifest, downloadedModelUrl } from '../shared/model-address'
import { toErrorData } from '../shared/errors'
import type { AdapterReport } from '../shared/worker-apis'
import type { ErrorData } from '../shared/errors'
import type { ModelManifest } from '../shared/model'
import { VIDEO_ENTRIES } from './model-set'
import { models } from './models.svelte'
import { readStored, writeStored } from './stored'

/** Id of the model that is included with the page and selected by default. */
export const STARTER = 'starter'
/** Models that can generate clips once they are downloaded. */
const LOADABLE = VIDEO_ENTRIES.filter(catalogueManifest)

/** URL that a job gets as its model: the folder of the starter, or the address of a downloaded model with its text encoder. */
export function modelUrlOf(id: string): string {
  if (id === STARTER) return modelFolderUrl(STARTER)
  const kind = VIDEO_ENTRIES.find((entry) => entry.id === id)?.encoderKind
  // a model of another version of the page has no encoder here: opening it says that it is unknown
  return downloadedModelUrl(id, kind === undefined ? '' : models.encoderOf(kind).id)
}

/** The selected model, its manifest, and the GPU adapter. */
class Session {
  /** id of the selected model, kept across reloads */
  #modelId = $state(STARTER)
  model = $state.raw<ModelManifest | null>(null)
  modelError = $state.raw<ErrorData | null>(null)
  adapter = $state.raw<AdapterReport | null>(null)
  adapterError = $state.raw<ErrorData | null>(null)

  /** Without WebGPU or an adapter nothing can be generated; the library still opens. */
  readonly cannotGenerate = $derived(this.adapterError?.code === 'no-webgpu' || this.adapterError?.code === 'no-adapter')

  constructor() {
    const stored = readStored('model')
    // ignores a model of another version of the page
    if (typeof stored === 'string' && this.canUse(stored)) this.#modelId = stored
  }

  get modelId(): string {
    return this.#modelId
  }

  /** See {@link modelUrlOf}. */
  get modelUrl(): string {
    return modelUrlOf(this.#modelId)
  }

  /** Whether this page supports a model. @param id of the starter or of a catalogue entry */
  canUse(id: string): boolean {
    return id === STARTER || LOADABLE.some((source) => source.id === id)
  }

  /** Selects the model. Ignored if it is not supported. */
  async use(id: string): Promise<void> {
    if (id === this.#modelId || !this.canUse(id)) return
    this.#modelId = id
    writeStored('model', id)
    this.model = null
    await this.loadModel()
  }

  async loadModel(): Promise<void> {
    this.modelError = null
    await this.#fallBackIfDeleted()
    const url = this.modelUrl
    try {
      const model = await fetchManifest(url)
      // another model may have been selected meanwhile
      if (url === this.modelUrl) this.model = model
    } catch (error) {
      if (url === this.modelUrl) this.modelError = toErrorData(error)
    }
  }

  /** Selects the starter if the model or its text encoder was deleted. */
  async #fallBackIfDeleted(): Promise<void> {
    const source = LOADABLE.find(({ id }) => id === this.#modelId)
    if (!source) return
    await models.load()
    if (models.status === 'ready' && models.progress(source).status !== 'complete' && this.#modelId === source.id) this.#modelId = STARTER
  }

  async findAdapter(): Promise<void> {
    this.adapterError = null
    try {
      this.adapter = await probe()
    } catch (error) {
      this.adapterError = toErrorData(error)
    }
  }
}

export const session = new Session()
