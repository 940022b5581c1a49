import { fetchManifest, modelFolderUrl } from '../rpc/model'
import { probe } from '../rpc/generate'
import { toErrorData } from '../shared/errors'
import type { AdapterReport } from '../shared/doors'
import type { ErrorData } from '../shared/errors'
import type { ModelManifest } from '../shared/model'
import { readStored, writeStored } from './stored'

/** The model that comes with the page: what Create uses until another one is chosen. */
export const STARTER = 'starter'
/** Folders of the models that a job can be given. */
const LOADABLE: readonly string[] = [STARTER]

/** What is known of the model and of this machine before the first job. */
class Session {
  /** folder of the model that Create uses; kept across reloads */
  #modelId = $state(STARTER)
  model = $state.raw<ModelManifest | null>(null)
  modelError = $state.raw<ErrorData | null>(null)
  adapter = $state.raw<AdapterReport | null>(null)
  adapterError = $state.raw<ErrorData | null>(null)

  /** No WebGPU or no adapter: nothing can be made here, the library still opens. */
  readonly cannotGenerate = $derived(this.adapterError?.code === 'no-webgpu' || this.adapterError?.code === 'no-adapter')

  constructor() {
    const stored = readStored('model')
    // a model that was deleted since, or that an older version of the page knew
    if (typeof stored === 'string' && this.canUse(stored)) this.#modelId = stored
  }

  get modelId(): string {
    return this.#modelId
  }

  /** Absolute URL of the chosen model's folder, ending in /. */
  get modelUrl(): string {
    return modelFolderUrl(this.#modelId)
  }

  /** Whether a job can be given this model, all of which must be here. @param id of its folder */
  canUse(id: string): boolean {
    return LOADABLE.includes(id)
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
    const url = this.modelUrl
    this.modelError = null
    try {
      const model = await fetchManifest(url)
      // another one may have been chosen meanwhile
      if (url === this.modelUrl) this.model = model
    } catch (error) {
      if (url === this.modelUrl) this.modelError = toErrorData(error)
    }
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
