// What diffusers and transformers made of the large model's random weights: training/large_reference.py.
import { readFileSync } from 'node:fs'
import { floatsOf, openSafetensors } from '../workers/weights/safetensors'
import { floatsToBase64 } from './tensor-files'

/** Named f32 tensors of the reference's file. */
export class LargeReference {
  private readonly file: ReturnType<typeof openSafetensors>

  constructor(path: string) {
    this.file = openSafetensors(new Uint8Array(readFileSync(path)), path)
  }

  /** A tensor's values as the page takes them. */
  base64(name: string): string {
    return floatsToBase64(floatsOf(this.file.tensor(name)))
  }

  /** Length of a tensor's last axis. */
  width(name: string): number {
    return this.file.tensor(name).shape.at(-1) ?? 0
  }

  /** ‖ours − reference‖ / ‖reference‖; infinite where a number is missing. @param ours f32 in base64 */
  error(name: string, ours: string): number {
    const expected = floatsOf(this.file.tensor(name))
    const values = new Float32Array(Uint8Array.from(Buffer.from(ours, 'base64')).buffer)
    if (values.length !== expected.length) return Infinity
    return norm(values.map((value, index) => value - (expected[index] ?? NaN))) / norm(expected)
  }
}

function norm(values: Float32Array): number {
  return Math.hypot(...values)
}
