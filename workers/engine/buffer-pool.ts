// GPU buffers are reused: dispatches run in order, so a buffer that is free on the host side may be written by the next
// dispatch at once. Allocation and destruction are slow and would fragment the device's memory.

const USAGE_STORAGE = 0x80 | 0x04 | 0x08 // STORAGE | COPY_SRC | COPY_DST, as the spec fixes the bits (Node has no GPUBufferUsage global)

/** Rounds up so that similar sizes share buffers: 256-byte steps, then eighths of the next power of two. */
function sizeClass(bytes: number): number {
  const step = bytes < 16384 ? 256 : 2 ** Math.max(8, Math.floor(Math.log2(bytes)) - 3)
  return Math.ceil(bytes / step) * step
}

/** Hands out storage buffers and counts them. */
export class BufferPool {
  /** buffers handed out and not yet given back */
  liveBuffers = 0
  liveBytes = 0
  peakBytes = 0
  /** called with every buffer handed out; tests fill it with NaN, so that a kernel that forgets to write is seen */
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
      throw new RangeError(`A tensor of ${bytes} bytes is over this device's limit of ${this.limitBytes} bytes a binding.`)
    }
    const buffer = this.free.get(size)?.pop() ?? this.device.createBuffer({ size, usage: USAGE_STORAGE })
    this.liveBuffers++
    this.liveBytes += size
    this.peakBytes = Math.max(this.peakBytes, this.liveBytes)
    this.onAcquire?.(buffer)
    return buffer
  }

  /** Gives a buffer back. Work already dispatched on it still runs first. */
  release(buffer: GPUBuffer): void {
    this.liveBuffers--
    this.liveBytes -= buffer.size
    const list = this.free.get(buffer.size)
    if (list) list.push(buffer)
    else this.free.set(buffer.size, [buffer])
  }

  /** Begins a new measure of peakBytes. */
  resetPeak(): void {
    this.peakBytes = this.liveBytes
  }

  /** Destroys the buffers nobody holds. */
  drain(): void {
    for (const list of this.free.values()) for (const buffer of list) buffer.destroy()
    this.free.clear()
  }
}
