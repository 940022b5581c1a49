// The benchmark in a page: the rows of whole models, in turns with onnxruntime-web's WebGPU provider.
import { env, InferenceSession, Tensor } from 'onnxruntime-web/webgpu'
import glueUrl from 'onnxruntime-web/ort-wasm-simd-threaded.asyncify.mjs?url'
import wasmUrl from 'onnxruntime-web/ort-wasm-simd-threaded.asyncify.wasm?url'
import { openGpu, type AdapterFacts, type Gpu } from '../../../workers/engine/device'
import type { FloatDType } from '../../../workers/engine/tensor'
import { weightSource } from '../../../workers/models/weight-source'
import { openSafetensors } from '../../../workers/weights/safetensors'
import { measureCeiling, type Ceiling } from '../ceiling'
import { measureRow, type MeasuredRow } from '../measure-row'
import type { Row } from '../row'
import { modelRows } from '../rows'
import type { TurnLimits } from '../turns'

/** The API that scripts/bench-browser.ts calls. */
export interface BrowserBench {
  open(precision: FloatDType | undefined): Promise<{ facts: AdapterFacts; dtype: FloatDType; names: string[] }>
  measureCeiling(): Promise<Ceiling>
  measure(name: string, ceiling: Ceiling, limits: TurnLimits): Promise<MeasuredRow>
}

declare global {
  interface Window {
    bench: BrowserBench
  }
}

env.wasm.wasmPaths = { mjs: new URL(glueUrl, location.href).href, wasm: new URL(wasmUrl, location.href).href }
env.wasm.numThreads = 1 // the work is on the GPU

let opened: { gpu: Gpu; rows: Map<string, Row> } | undefined

function gpuOf(): Gpu {
  if (!opened) throw new Error('Expected an open adapter, got none: call open first.')
  return opened.gpu
}

window.bench = {
  async open(precision) {
    const gpu = await openGpu(navigator.gpu)
    const dtype = precision ?? (gpu.facts.f16 ? 'f16' : 'f32')
    if (dtype === 'f16' && !gpu.facts.f16) throw new Error(`precision: expected f32, since ${gpu.facts.name} has no f16, got f16.`)
    const file = (name: string) => fetch(`/models/starter/vae/${name}`)
    const config = (await (await file('config.json')).json()) as unknown
    const weights = weightSource(openSafetensors(new Uint8Array(await (await file('diffusion_pytorch_model.safetensors')).arrayBuffer())))
    const rows = new Map(modelRows(gpu.facts, { config, weights }, dtype).map((row) => [row.name, row]))
    opened = { gpu, rows }
    return { facts: gpu.facts, dtype, names: [...rows.keys()] }
  },
  measureCeiling: () => measureCeiling(gpuOf()),
  measure(name, ceiling, limits) {
    const row = opened?.rows.get(name)
    if (!row) throw new Error(`measure: expected the name of a row, got ${name}.`)
    return measureRow(gpuOf(), { InferenceSession, Tensor }, row, ceiling, limits)
  },
}
