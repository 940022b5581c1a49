// The GPU device: its adapter's capabilities, queue, kernels and buffers.
import { AppError } from '../../src/shared/errors'
import { BufferPool } from './buffer-pool'
import { CommandQueue } from './command-queue'
import { KernelCache, type Kernel } from './kernel'
import { KernelSelector } from './kernel-selector'
import { f16ToF32 } from './half-floats'
import { tensorBytes, type Tensor } from './tensor'

const USAGE_READ = 0x01 | 0x08 // MAP_READ | COPY_DST
const MAP_READ = 0x01
/** How long a device may take to report its loss after work on it has failed. */
const LOST_NOTICE_MS = 2000

/** Name and capabilities of the adapter. */
export interface AdapterFacts {
  name: string
  /** runs on the CPU: SwiftShader, lavapipe, WARP */
  software: boolean
  f16: boolean
  subgroups: boolean
  /** dot4I8Packed is available: four int8 products in one instruction, or emulated in a few */
  dot4: boolean
  /** workgroup memory limit: the specification's default or more */
  workgroupBytes: number
}

/** A device with everything the ops need. One per worker; close() frees it. */
export class Gpu {
  readonly queue: CommandQueue
  readonly kernels: KernelCache
  readonly pool: BufferPool
  /** selects the variants of ops with several kernels; a job may set its own */
  selector = new KernelSelector()
  /** time spent waiting for kernels to compile, in milliseconds */
  compileMs = 0
  private compiling = 0
  private compilingSinceMs = 0
  /** resolves, never rejects, when the device is gone */
  readonly lost: Promise<AppError>
  private failure: AppError | undefined

  constructor(
    readonly device: GPUDevice,
    readonly facts: AdapterFacts,
  ) {
    this.queue = new CommandQueue(device)
    this.kernels = new KernelCache(device)
    this.pool = new BufferPool(device)
    device.addEventListener('uncapturederror', (event) => {
      const { error } = event as GPUUncapturedErrorEvent
      const outOfMemory = error.constructor.name === 'GPUOutOfMemoryError'
      this.failure ??= new AppError(outOfMemory ? 'out-of-memory' : 'internal', `The GPU reported: ${error.message}`, {})
    })
    this.lost = device.lost.then((info) => {
      this.failure = new AppError('device-lost', `The GPU device was lost: ${info.message || info.reason || 'no reason given'}`, {
        reason: info.reason || 'unknown',
      })
      return this.failure
    })
  }

  /** Throws the first error that the GPU has reported, if any. */
  check(): void {
    if (this.failure) throw this.failure
  }

  /** The kernels that `run` dispatches, without executing them. `run` must not read back. */
  record(run: () => void): Kernel[] {
    const kernels = (this.queue.recording = new Set<Kernel>())
    try {
      run()
    } finally {
      this.queue.recording = undefined
    }
    return [...kernels]
  }

  /**
   * Compiles, in parallel and without blocking, every kernel that `run` dispatches. `run` must not read back.
   * @param onCompiled called with the number of compiled kernels and of all
   */
  async compile(run: () => void, onCompiled?: (done: number, of: number) => void): Promise<void> {
    const kernels = this.record(run)
    let done = 0
    onCompiled?.(0, kernels.length)
    if (this.compiling++ === 0) this.compilingSinceMs = performance.now()
    try {
      await this.finished(Promise.all(kernels.map((kernel) => kernel.compile().then(() => onCompiled?.(++done, kernels.length)))))
    } finally {
      if (--this.compiling === 0) this.compileMs += performance.now() - this.compilingSinceMs
    }
  }

  /** Submits, and waits until the GPU has finished all work. Throws errors that the GPU reported. */
  async settle(): Promise<void> {
    this.queue.flush()
    await this.finished(this.device.queue.onSubmittedWorkDone())
  }

  /** Waits for GPU work, and throws errors that the GPU reported meanwhile. */
  private async finished(work: Promise<unknown>): Promise<void> {
    try {
      await Promise.race([work, this.lost])
    } catch (error) {
      // work on a lost device is rejected (reads with an AbortError) shortly before device.lost resolves
      await Promise.race([this.lost, new Promise((resolve) => setTimeout(resolve, LOST_NOTICE_MS))])
      this.check()
      throw new AppError('internal', `The GPU did not finish its work: ${error instanceof Error ? error.message : String(error)}`, {})
    }
    this.check()
  }

  /** The tensor's raw bytes from `start` to `end` (multiples of 4), after all work dispatched so far; all bytes by default. */
  async readBytes(tensor: Tensor, start = 0, end = tensorBytes(tensor.shape, tensor.dtype)): Promise<ArrayBuffer> {
    const size = end - start
    const staging = this.device.createBuffer({ label: 'read', size, usage: USAGE_READ })
    try {
      this.queue.copy(tensor.buffer, start, staging, 0, size)
      this.queue.flush()
      const mapped = staging.mapAsync(MAP_READ)
      mapped.catch(() => undefined) // its rejection is ignored when device.lost resolves first
      await this.finished(mapped)
      return staging.getMappedRange().slice(0)
    } finally {
      staging.destroy()
    }
  }

  /** An f32 or f16 tensor's values. */
  async read(tensor: Tensor): Promise<Float32Array<ArrayBuffer>> {
    const bytes = await this.readBytes(tensor)
    if (tensor.dtype === 'f32') return new Float32Array(bytes)
    if (tensor.dtype === 'f16')
      return f16ToF32(new Uint16Array(bytes)).slice(
        0,
        tensor.shape.reduce((a, b) => a * b, 1),
      )
    throw new Error(`read: expected f32 or f16, got ${tensor.dtype}.`)
  }

  /** Frees the device and all of its buffers. */
  close(): void {
    this.pool.drain()
    this.device.destroy()
  }
}

/** Features of an adapter that a device can be opened without; 'limits' are those beyond the specification's defaults. */
export const WITHHELD = ['shader-f16', 'subgroups', 'timestamp-query', 'limits'] as const
export type Withheld = (typeof WITHHELD)[number]

/**
 * Opens the best available adapter with all its features that the engine uses.
 * @param without features to leave out, to simulate a lesser adapter
 * @throws AppError no-adapter
 */
export async function openGpu(api: GPU, without: readonly Withheld[] = []): Promise<Gpu> {
  const adapter = await api.requestAdapter({ powerPreference: 'high-performance' })
  if (!adapter) throw new AppError('no-adapter', 'This browser supports WebGPU, but found no usable graphics adapter.', {})
  const wanted = ['shader-f16', 'subgroups', 'timestamp-query'] as const
  const requiredFeatures = wanted.filter((feature) => adapter.features.has(feature) && !without.includes(feature))
  const { maxBufferSize, maxStorageBufferBindingSize, maxComputeWorkgroupStorageSize } = adapter.limits
  const device = await adapter.requestDevice({
    requiredFeatures,
    ...(!without.includes('limits') && { requiredLimits: { maxBufferSize, maxStorageBufferBindingSize, maxComputeWorkgroupStorageSize } }),
  })
  const { vendor, architecture, device: model, description } = adapter.info
  const name = [vendor, architecture, model, description].filter(Boolean).join(' ') || 'unknown adapter'
  return new Gpu(device, {
    name,
    software: /swiftshader|llvmpipe|lavapipe|basic render/i.test(name),
    f16: device.features.has('shader-f16'),
    subgroups: device.features.has('subgroups'),
    // browsers of 2023 lack wgslLanguageFeatures
    dot4: (api as Partial<GPU>).wgslLanguageFeatures?.has('packed_4x8_integer_dot_product') ?? false,
    workgroupBytes: device.limits.maxComputeWorkgroupStorageSize,
  })
}
