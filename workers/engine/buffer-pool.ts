// Reuses GPU buffers: allocation and destruction are slow and fragment the device's memory. Dispatches run in order, so that the next dispatch
// may write a buffer as soon as the host has released it.
import { AppError } from '../../src/shared/errors'

const USAGE_STORAGE = 0x80 | 0x04 | 0x08 // STORAGE | COPY_SRC | COPY_DST, fixed by the specification (Node has no GPUBufferUsage global)

const USAGE_PROBE = 0x80 // STORAGE
/** One allocation of fitsInMemory: the default limit of a buffer, the size in which weights are allocated. */
const PROBE_BYTES = 2 ** 28

/** Rounds up so that similar sizes share buffers: to 256 bytes, then to eighths of the power of two below. */
function sizeClass(bytes: number): number {
  const step = bytes < 16384 ? 256 : 2 ** Math.max(8, Math.floor(Math.log2(bytes)) - 3)
  return Math.ceil(bytes / step) * step
}

/** Allocates storage buffers and counts them. */
export class BufferPool {
  /** buffers acquired and not yet released */
  liveBuffers = 0
  liveBytes = 0
  peakBytes = 0
  /** called with every acquired buffer; tests fill it with NaN to detect kernels that do not write all of their result */
  onAcquire: ((buffer: GPUBuffer) => void) | undefined
  private readonly free = new Map<number, GPUBuffer[]>()
  private readonly limitBytes: number

  constructor(private readonly device: GPUDevice) {
    this.limitBytes = Math.min(device.limits.maxBufferSize, device.limits.maxStorageBufferBindingSize)
  }

  /** A storage buffer of at least `bytes`. Its contents are undefined. */
  acquire(bytes: number): GPUBuffer {
    const size = sizeClass(Math.max(bytes, 4))
    if (bytes > this.limitBytes) {
      throw new RangeError(`acquire: expected at most ${this.limitBytes} bytes, this device's limit of a binding, got a tensor of ${bytes} bytes.`)
    }
    const buffer = this.free.get(size)?.pop() ?? this.device.createBuffer({ size, usage: USAGE_STORAGE })
    this.liveBuffers++
    this.liveBytes += size
    this.peakBytes = Math.max(this.peakBytes, this.liveBytes)
    this.onAcquire?.(buffer)
    return buffer
  }

  /** Returns a buffer to the pool. Work dispatched on it so far runs before any later work. */
  release(buffer: GPUBuffer): void {
    this.liveBuffers--
    this.liveBytes -= buffer.size
    const list = this.free.get(buffer.size)
    if (list) list.push(buffer)
    else this.free.set(buffer.size, [buffer])
  }

  /** Starts a new measurement of peakBytes. */
  resetPeak(): void {
    this.peakBytes = this.liveBytes
  }

  /** Destroys the free buffers. */
  drain(): void {
    for (const list of this.free.values()) for (const buffer of list) buffer.destroy()
    this.free.clear()
  }
}

/**
 * Whether the device can allocate `bytes` more. WebGPU does not report free memory; this allocates buffers one by one, each in an
 * out-of-memory error scope, until one is refused, and frees them all. Nothing is written to them: a driver that allocates memory on the
 * first write may accept too much.
 * @throws AppError device-lost if the GPU is lost meanwhile, as after an allocation that is too large for the driver
 */
export async function fitsInMemory(device: GPUDevice, bytes: number): Promise<boolean> {
  const probes: GPUBuffer[] = []
  try {
    for (let left = bytes; left > 0; left -= PROBE_BYTES) {
      device.pushErrorScope('out-of-memory')
      // whole words, as every buffer of the engine has
      probes.push(device.createBuffer({ label: 'fits', size: Math.ceil(Math.min(left, PROBE_BYTES) / 4) * 4, usage: USAGE_PROBE }))
      const refused = await device.popErrorScope().catch((error: unknown) => {
        // browsers reject only the scope and do not report the loss here
        throw new AppError('device-lost', `The GPU device was lost while its memory was measured: ${error instanceof Error ? error.message : String(error)}`)
      })
      if (refused !== null) return false
    }
    return true
  } finally {
    for (const probe of probes) probe.destroy()
  }
}
