import { fetchManifest, modelFolderUrl } from '../rpc/manifest'
import { probe } from '../rpc/generate'
import { catalogueManifest, downloadedModelUrl } from '../shared/model-address'
import { toErrorData } from '../shared/errors'
import type { AdapterReport } from '../shared/worker-apis'
import type { ErrorData } from '../shared/errors'
import type { ModelManifest } from '../shared/model'
import { VIDEO_SOURCES } from './model-set'
import { models } from './models.svelte'
import { readStored, writeStored } from './stored'

/** The model that comes with the page: what Create uses until another one is chosen. */
export const STARTER = 'starter'
/** Models that a job can be given once they are downloaded. */
const LOADABLE = VIDEO_SOURCES.filter(catalogueManifest)

/** Absolute URL of the starter's folder, or the address of a downloaded model with its text encoder. */
export function modelUrlOf(id: string): string {
  return id === STARTER ? modelFolderUrl(STARTER) : downloadedModelUrl(id, models.encoder.id)
}

/** What is known of the model and of this machine before the first job. */
class Session {
  /** the starter, or the source of the model that Create uses; kept across reloads */
  #modelId = $state(STARTER)
  model = $state.raw<ModelManifest | null>(null)
  modelError = $state.raw<ErrorData | null>(null)
  adapter = $state.raw<AdapterReport | null>(null)
  adapterError = $state.raw<ErrorData | null>(null)

  /** No WebGPU or no adapter: nothing can be made here, the library still opens. */
  readonly cannotGenerate = $derived(this.adapterError?.code === 'no-webgpu' || this.adapterError?.code === 'no-adapter')

  constructor() {
    const stored = readStored('model')
    // or one that another version of the page knew
    if (typeof stored === 'string' && this.canUse(stored)) this.#modelId = stored
  }

  get modelId(): string {
    return this.#modelId
  }

  /** What a job is given: absolute URL of the starter's folder, or the address of a downloaded model with its text encoder. */
  get modelUrl(): string {
    return modelUrlOf(this.#modelId)
  }

  /** Whether a job can be given this model, once all of it is here. @param id the starter, or of a source */
  canUse(id: string): boolean {
    return id === STARTER || LOADABLE.some((source) => source.id === id)
  }

  /** Makes it the model of Create. One that cannot be used is not taken. */
  async use(id: string): Promise<void> {
    if (id === this.#modelId || !this.canUse(id)) return
    this.#modelId = id
    writeStored('model', id)
    this.model = null
    await this.loadModel()
  }

  async loadModel(): Promise<void> {
    this.modelError = null
    await this.#findDownloaded()
    const url = this.modelUrl
    try {
      const model = await fetchManifest(url)
      // another one may have been chosen meanwhile
      if (url === this.modelUrl) this.model = model
    } catch (error) {
      if (url === this.modelUrl) this.modelError = toErrorData(error)
    }
  }

  /** A model that was deleted since, or whose encoder was, gives way to the starter. */
  async #findDownloaded(): Promise<void> {
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
