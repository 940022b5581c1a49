// ONNX Runtime on WebAssembly, served from this origin. The only file that configures it.
import { env, InferenceSession, Tensor } from 'onnxruntime-web/wasm'
import glueUrl from 'onnxruntime-web/ort-wasm-simd-threaded.mjs?url'
import wasmUrl from 'onnxruntime-web/ort-wasm-simd-threaded.wasm?url'

const MAX_THREADS = 4

/**
 * Creates a session. The paths are set here and not on import, since the transformers library shares this copy of the runtime and
 * points it at a public CDN while it is imported.
 * @param model bytes of an ONNX file
 */
export async function openSession(model: Uint8Array<ArrayBuffer>): Promise<InferenceSession> {
  env.wasm.wasmPaths = { mjs: new URL(glueUrl, self.location.href).href, wasm: new URL(wasmUrl, self.location.href).href }
  env.wasm.proxy = false // this code runs in a worker already
  env.wasm.numThreads = self.crossOriginIsolated ? Math.min(MAX_THREADS, navigator.hardwareConcurrency) : 1
  return InferenceSession.create(model, { executionProviders: ['wasm'], graphOptimizationLevel: 'all' })
}

export { Tensor, type InferenceSession }
