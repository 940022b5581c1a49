// The peer: ONNX Runtime's WebGPU provider on the same adapter. Its packages for Node and for browsers have the same interface.
import type { InferenceSession, InferenceSessionFactory, Tensor, TensorConstructor } from 'onnxruntime-common'
import { f16ToF32, f32ToF16 } from '../../workers/engine/half-floats'
import type { FloatDType } from '../../workers/engine/tensor'
import type { OnnxGraph } from './onnx-graph'
import type { Repetitions, Side } from './turns'

/** onnxruntime-node or onnxruntime-web. */
export interface PeerRuntime {
  InferenceSession: InferenceSessionFactory
  Tensor: TensorConstructor
}

/** A model whose only output is a few values of its last result, so that nothing else is read back. */
export interface PeerModel {
  graph: OnnxGraph
  /** uploaded once per run: it cancels out in the difference of two runs */
  feeds: Record<string, { shape: readonly number[]; values: Float32Array }>
}

/** One of the peer's implementations of the work; the fastest counts. */
export interface PeerFormat {
  kernel: string
  model(repetitions: Repetitions): PeerModel
  /** indices of the output values that are compared with ours, in order; the first ones by default */
  compared?: readonly number[]
}

/** Why an implementation cannot be measured. */
export interface PeerFailure {
  kernel: string
  reason: string
}

/** All operators must run on the GPU: sessions with an operator on the CPU are rejected. */
const OPTIONS: InferenceSession.SessionOptions = {
  executionProviders: ['webgpu'],
  logSeverityLevel: 4,
  extra: { session: { disable_cpu_ep_fallback: '1' } },
}

/** Opens sessions for one and for eight repetitions, and runs both once. @returns the reason if the peer cannot run it */
export async function openPeer({ InferenceSession, Tensor }: PeerRuntime, format: PeerFormat, dtype: FloatDType): Promise<Side | PeerFailure> {
  const sessions = new Map<Repetitions, { session: InferenceSession; feeds: InferenceSession.FeedsType }>()
  const close = async () => {
    for (const { session } of sessions.values()) await session.release()
  }
  const side: Side = {
    kernel: format.kernel,
    async run(repetitions) {
      const opened = sessions.get(repetitions)
      if (!opened) throw new Error(`openPeer: expected a session for ${repetitions} repetitions, got none.`)
      const results = await opened.session.run(opened.feeds)
      const values = floats((results['result'] as Tensor).data)
      return format.compared ? Float32Array.from(format.compared, (index) => values[index] as number) : values
    },
    close,
  }
  try {
    for (const repetitions of [1, 8] as const) {
      const { graph, feeds } = format.model(repetitions)
      const session = await InferenceSession.create(graph.encode(), OPTIONS)
      const tensors = Object.entries(feeds).map(
        ([name, { shape, values }]) => [name, dtype === 'f16' ? new Tensor('float16', f32ToF16(values), shape) : new Tensor('float32', values, shape)] as const,
      )
      sessions.set(repetitions, { session, feeds: Object.fromEntries(tensors) })
      await side.run(repetitions)
    }
    return side
  } catch (error) {
    await close()
    return { kernel: format.kernel, reason: (error instanceof Error ? error.message : String(error)).split('\n')[0] as string }
  }
}

function floats(data: Tensor['data']): Float32Array {
  if (data instanceof Float32Array) return data
  const { buffer, byteOffset, length } = data as Uint16Array
  return f16ToF32(new Uint16Array(buffer, byteOffset, length))
}
