// Tensors belong to a scope, which frees them when it closes, also after an error.
import type { Gpu } from './device'
import { f32ToF16 } from './half-floats'
import { tensorBytes, type DType, type Tensor } from './tensor'

/** Owns tensors. Ops take a scope first and allocate their result in it. */
export class Scope {
  private readonly owned = new Set<GPUBuffer>()

  constructor(readonly gpu: Gpu) {}

  /** A tensor with undefined contents. */
  alloc(shape: readonly number[], dtype: DType = 'f32'): Tensor {
    const buffer = this.gpu.pool.acquire(tensorBytes(shape, dtype))
    this.owned.add(buffer)
    return { shape, dtype, buffer }
  }

  /** A tensor with these values: floats for f32 and f16, integers for u32 and i32, raw bytes for i8 and i4. */
  upload(values: Float32Array | Uint32Array | Int32Array | Uint8Array | Int8Array, shape: readonly number[], dtype: DType): Tensor {
    const tensor = this.alloc(shape, dtype)
    const source = dtype === 'f16' && values instanceof Float32Array ? f32ToF16(values) : values
    const wanted = tensorBytes(shape, dtype)
    if (source.byteLength > wanted || source.byteLength <= wanted - 4) {
      throw new Error(`upload: expected ${wanted} bytes for [${shape.join(', ')}] ${dtype}, got ${source.byteLength}.`)
    }
    let bytes = new Uint8Array(source.buffer, source.byteOffset, source.byteLength)
    if (bytes.byteLength < wanted) {
      const padded = new Uint8Array(wanted)
      padded.set(bytes)
      bytes = padded
    }
    if (!this.gpu.queue.recording) {
      this.gpu.queue.flush() // pending dispatches may still read a reused buffer
      this.gpu.device.queue.writeBuffer(tensor.buffer, 0, bytes as Uint8Array<ArrayBuffer>)
    }
    return tensor
  }

  /** Writes some of a tensor's bytes; offset and length are multiples of 4. */
  write(tensor: Tensor, byteOffset: number, bytes: Uint8Array<ArrayBuffer>): void {
    if (byteOffset + bytes.length > tensorBytes(tensor.shape, tensor.dtype)) {
      throw new RangeError(`write: expected bytes within [${tensor.shape.join(', ')}] ${tensor.dtype}, got ${byteOffset} to ${byteOffset + bytes.length}.`)
    }
    if (this.gpu.queue.recording) return
    this.gpu.queue.flush() // pending dispatches may still read a reused buffer
    this.gpu.device.queue.writeBuffer(tensor.buffer, byteOffset, bytes)
  }

  /** A copy of some of a tensor's 4-byte elements, from element `first` on. */
  slice(tensor: Tensor, first: number, shape: readonly number[]): Tensor {
    const part = this.alloc(shape, tensor.dtype)
    this.gpu.queue.copy(tensor.buffer, first * 4, part.buffer, 0, tensorBytes(shape, tensor.dtype))
    return part
  }

  /** A copy of tensors of 4-byte elements, concatenated. */
  joined(tensors: readonly Tensor[], shape: readonly number[], dtype: DType = 'f32'): Tensor {
    const whole = this.alloc(shape, dtype)
    let at = 0
    for (const part of tensors) {
      const bytes = tensorBytes(part.shape, part.dtype)
      this.gpu.queue.copy(part.buffer, 0, whole.buffer, at, bytes)
      at += bytes
    }
    return whole
  }

  /** Frees one tensor early. Does nothing to a tensor of another scope. */
  free(tensor: Tensor): void {
    if (this.owned.delete(tensor.buffer)) this.gpu.pool.release(tensor.buffer)
  }

  /** Runs `body` with a new scope for temporaries, which closes at the end; results are allocated in an outer scope. */
  within<T>(body: (temporary: Scope) => T): T {
    const inner = new Scope(this.gpu)
    try {
      return body(inner)
    } finally {
      inner.close()
    }
  }

  /** Frees everything this scope still owns. */
  close(): void {
    for (const buffer of this.owned) this.gpu.pool.release(buffer)
    this.owned.clear()
  }
}

/** Runs `body` with a new scope that closes when the promise settles. */
export async function withScope<T>(gpu: Gpu, body: (scope: Scope) => Promise<T>): Promise<T> {
  const scope = new Scope(gpu)
  try {
    return await body(scope)
  } finally {
    scope.close()
  }
}
