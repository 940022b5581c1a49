// The skeleton of loading: a scope for the weights, what they take of the GPU, and the end of them.
import type { Gpu } from '../engine/device'
import { Scope } from '../engine/scope'
import type { LoadedModel, LoadOptions, ModelParts, OpenModel } from './architecture'

/**
 * Loads a model's parts into a scope that lives until the model is closed; when loading fails, nothing of it stays.
 * @param load puts the weights into `scope`; `close` frees them early, as decoding may where there is no memory for both
 */
export async function loadOnGpu(
  gpu: Gpu,
  { url, identity, manifest }: Pick<OpenModel, 'url' | 'identity' | 'manifest'>,
  options: LoadOptions,
  load: (scope: Scope, close: () => void) => ModelParts | Promise<ModelParts>,
): Promise<LoadedModel> {
  const scope = new Scope(gpu)
  const before = { bytes: gpu.pool.liveBytes, buffers: gpu.pool.liveBuffers }
  let loaded = true
  const close = () => {
    loaded = false
    scope.close()
  }
  try {
    const parts = await load(scope, close)
    await gpu.settle()
    return {
      url,
      identity,
      manifest,
      options,
      ...parts,
      weightGpuBytes: gpu.pool.liveBytes - before.bytes,
      weightBuffers: gpu.pool.liveBuffers - before.buffers,
      isLoaded: () => loaded,
      close,
    }
  } catch (error) {
    scope.close()
    throw error
  }
}
