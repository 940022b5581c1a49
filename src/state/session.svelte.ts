import { fetchManifest, modelFolderUrl } from '../rpc/model'
import { probe } from '../rpc/generate'
import { toErrorData } from '../shared/errors'
import type { AdapterReport } from '../shared/doors'
import type { ErrorData } from '../shared/errors'
import type { ModelManifest } from '../shared/model'

/** What is known of the model and of this machine before the first job. */
class Session {
  readonly modelUrl = modelFolderUrl('starter')
  model = $state.raw<ModelManifest | null>(null)
  modelError = $state.raw<ErrorData | null>(null)
  adapter = $state.raw<AdapterReport | null>(null)
  adapterError = $state.raw<ErrorData | null>(null)

  /** No WebGPU or no adapter: nothing can be made here, the library still opens. */
  readonly cannotGenerate = $derived(this.adapterError?.code === 'no-webgpu' || this.adapterError?.code === 'no-adapter')

  async loadModel(): Promise<void> {
    this.modelError = null
    try {
      this.model = await fetchManifest(this.modelUrl)
    } catch (error) {
      this.modelError = toErrorData(error)
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
