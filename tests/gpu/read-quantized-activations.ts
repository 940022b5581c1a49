import type { Gpu } from '../../workers/engine/device'
import type { QuantizedActivations } from '../../workers/ops/quantize-activations'

/** The codes of `inner` inputs a row with their padding, their scales, and the activations that both stand for, [rows, inner]. */
export async function readQuantizedActivations(gpu: Gpu, codes: QuantizedActivations, inner: number): Promise<{ q: Int8Array; scale: Float32Array; values: Float32Array }> {
  const [rows = 0, width = 0] = codes.q.shape
  const q = new Int8Array(await gpu.readBytes(codes.q))
  const scale = await gpu.read(codes.scale)
  const values = new Float32Array(rows * inner)
  for (let row = 0; row < rows; row++) {
    for (let k = 0; k < inner; k++) values[row * inner + k] = (q[row * width + k] as number) * (scale[row * (width / 32) + Math.floor(k / 32)] as number)
  }
  return { q, scale, values }
}
