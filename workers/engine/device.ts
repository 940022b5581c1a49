// The GPU device: what the adapter can do, its queue, kernels and buffers.
import { AppError } from '../../src/shared/errors'
import { BufferPool } from './buffer-pool'
import { CommandQueue } from './command-queue'
import { KernelCache, type Kernel } from './kernel'
import { KernelSelector } from './kernel-selector'
import { f16ToF32 } from './half-floats'
import { tensorBytes, type Tensor } from './tensor'

const USAGE_READ = 0x01 | 0x08 // MAP_READ | COPY_DST
const MAP_READ = 0x01
/** how long a device may take to say that it is lost, once work on it has failed */
const LOST_NOTICE_MS = 2000

/** What the adapter is and can do. */
export interface AdapterFacts {
  name: string
  /** a CPU pretending to be a GPU: SwiftShader, lavapipe, WARP */
  software: boolean
  f16: boolean
  subgroups: boolean
  /** dot4I8Packed: four int8 products in one instruction, or in a few where the hardware has none */
  dot4: boolean
  /** of memory that a workgroup may share: what the specification promises, or more */
  workgroupBytes: number
}

/** A device with everything the ops need. One a worker; close() frees it. */
export class Gpu {
  readonly queue: CommandQueue
  readonly kernels: KernelCache
  readonly pool: BufferPool
  /** what ops with several kernels take; a job may bring its own */
  choices = new KernelSelector()
  /** spent on waiting for kernels to compile, in milliseconds */
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

  /** Throws what the GPU reported since it was opened, if anything. */
  check(): void {
    if (this.failure) throw this.failure
  }

  /** The kernels that `run` would dispatch; nothing is. `run` must not read back. */
  rehearse(run: () => void): Kernel[] {
    const kernels = (this.queue.dryRun = new Set<Kernel>())
    try {
      run()
    } finally {
      this.queue.dryRun = undefined
    }
    return [...kernels]
  }

  /**
   * Compiles, in parallel and without blocking, every kernel `run` would dispatch. `run` must not read back.
   * @param onCompiled told how many of how many are there
   */
  async compile(run: () => void, onCompiled?: (done: number, of: number) => void): Promise<void> {
    const kernels = this.rehearse(run)
    let done = 0
    onCompiled?.(0, kernels.length)
    if (this.compiling++ === 0) this.compilingSinceMs = performance.now()
    try {
      await this.finished(Promise.all(kernels.map((kernel) => kernel.compile().then(() => onCompiled?.(++done, kernels.length)))))
    } finally {
      if (--this.compiling === 0) this.compileMs += performance.now() - this.compilingSinceMs
    }
  }

  /** Submits, and waits until the GPU has done everything. Throws what it reported. */
  async settle(): Promise<void> {
    this.queue.flush()
    await this.finished(this.device.queue.onSubmittedWorkDone())
  }

  /** Waits for the GPU's part of the work, and throws what the GPU reported meanwhile. */
  private async finished(work: Promise<unknown>): Promise<void> {
    try {
      await Promise.race([work, this.lost])
    } catch (error) {
      // Work on a lost device is rejected, reads as an AbortError, a moment before the device says that it is lost.
      await Promise.race([this.lost, new Promise((later) => setTimeout(later, LOST_NOTICE_MS))])
      this.check()
      throw new AppError('internal', `The GPU did not finish its work: ${error instanceof Error ? error.message : String(error)}`, {})
    }
    this.check()
  }

  /** The tensor's raw bytes, once all work before is done; or those from `start` to `end`, both multiples of 4. */
  async readBytes(tensor: Tensor, start = 0, end = tensorBytes(tensor.shape, tensor.dtype)): Promise<ArrayBuffer> {
    const size = end - start
    const staging = this.device.createBuffer({ label: 'read', size, usage: USAGE_READ })
    try {
      this.queue.copy(tensor.buffer, start, staging, 0, size)
      this.queue.flush()
      const mapped = staging.mapAsync(MAP_READ)
      mapped.catch(() => undefined) // it loses the race below when the device says first that it is lost
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
    if (tensor.dtype === 'f16') return f16ToF32(new Uint16Array(bytes)).slice(0, tensor.shape.reduce((a, b) => a * b, 1))
    throw new Error(`read: expected f32 or f16, got ${tensor.dtype}.`)
  }

  /** Frees the device and all that lives on it. */
  close(): void {
    this.pool.drain()
    this.device.destroy()
  }
}

/** What a device can be opened without, though the adapter has it; 'limits' are those beyond what the specification promises. */
export const WITHHELD = ['shader-f16', 'subgroups', 'timestamp-query', 'limits'] as const
export type Withheld = (typeof WITHHELD)[number]

/**
 * Opens the best adapter there is, asking for what it has and no more.
 * @param without what is not asked for: the device is then that of a lesser adapter
 * @throws AppError no-adapter
 */
export async function openGpu(api: GPU, without: readonly Withheld[] = []): Promise<Gpu> {
  const adapter = await api.requestAdapter({ powerPreference: 'high-performance' })
  if (!adapter) throw new AppError('no-adapter', 'This browser has WebGPU, but found no graphics adapter it may use.', {})
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
    // browsers of 2023 have no such list
    dot4: (api as Partial<GPU>).wgslLanguageFeatures?.has('packed_4x8_integer_dot_product') ?? false,
    workgroupBytes: device.limits.maxComputeWorkgroupStorageSize,
  })
}
