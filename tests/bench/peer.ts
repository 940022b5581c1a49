// The peer: ONNX Runtime's WebGPU provider, on the adapter that the process has. Its packages for Node and for browsers have one interface.
import type { InferenceSession, InferenceSessionFactory, Tensor, TensorConstructor } from 'onnxruntime-common'
import { f16ToF32, f32ToF16 } from '../../workers/engine/half-floats'
import type { FloatDType } from '../../workers/engine/tensor'
import type { OnnxGraph } from './onnx-graph'
import type { Repetitions, Side } from './side'

/** onnxruntime-node or onnxruntime-web. */
export interface PeerRuntime {
  InferenceSession: InferenceSessionFactory
  Tensor: TensorConstructor
}

/** A model whose one output is a few values of its last result: nothing else is copied back. */
export interface PeerModel {
  graph: OnnxGraph
  /** uploaded once a run: the difference of two runs has it not */
  feeds: Record<string, { shape: readonly number[]; values: Float32Array }>
}

/** One form of the work; the fastest of several counts. */
export interface PeerFormat {
  kernel: string
  model(repetitions: Repetitions): PeerModel
  /** of the values it gives back, those that stand beside ours, in order; the first ones when not given */
  compared?: readonly number[]
}

/** Why a form cannot be measured. */
export interface PeerFailure {
  kernel: string
  reason: string
}

/** Every operator has to be on the GPU: a session that would put one on the CPU is refused. */
const OPTIONS: InferenceSession.SessionOptions = {
  executionProviders: ['webgpu'],
  logSeverityLevel: 4,
  extra: { session: { disable_cpu_ep_fallback: '1' } },
}

/** Opens a form in sessions for one and for eight repetitions, and runs both once. @returns why, where the peer cannot do it */
export async function openPeer({ InferenceSession, Tensor }: PeerRuntime, form: PeerFormat, dtype: FloatDType): Promise<Side | PeerFailure> {
  const sessions = new Map<Repetitions, { session: InferenceSession; feeds: InferenceSession.FeedsType }>()
  const close = async () => {
    for (const { session } of sessions.values()) await session.release()
  }
  const side: Side = {
    kernel: form.kernel,
    async run(repetitions) {
      const opened = sessions.get(repetitions)
      if (!opened) throw new Error(`The peer has no session for ${repetitions} repetitions.`)
      const results = await opened.session.run(opened.feeds)
      const values = floats((results['result'] as Tensor).data)
      return form.compared ? Float32Array.from(form.compared, (index) => values[index] as number) : values
    },
    close,
  }
  try {
    for (const repetitions of [1, 8] as const) {
      const { graph, feeds } = form.model(repetitions)
      const session = await InferenceSession.create(graph.encode(), OPTIONS)
      const tensors = Object.entries(feeds).map(([name, { shape, values }]) => [name, dtype === 'f16' ? new Tensor('float16', f32ToF16(values), shape) : new Tensor('float32', values, shape)] as const)
      sessions.set(repetitions, { session, feeds: Object.fromEntries(tensors) })
      await side.run(repetitions)
    }
    return side
  } catch (error) {
    await close()
    return { kernel: form.kernel, reason: (error instanceof Error ? error.message : String(error)).split('\n')[0] as string }
  }
}

function floats(data: Tensor['data']): Float32Array {
  if (data instanceof Float32Array) return data
  const { buffer, byteOffset, length } = data as Uint16Array
  return f16ToF32(new Uint16Array(buffer, byteOffset, length))
}
