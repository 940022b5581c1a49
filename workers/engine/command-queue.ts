// Batches dispatches into short submits: a driver resets a device whose submit runs for seconds, and the page's own rendering waits for the
// submit. A submit's work is bounded in operations, by a rate that is measured continuously.
import type { Kernel } from './kernel'
import type { Tensor } from './tensor'

/** A value of a kernel's uniform struct. */
export type Uniform = { u32: number } | { i32: number } | { f32: number }
export const u32 = (value: number): Uniform => ({ u32: value })
export const i32 = (value: number): Uniform => ({ i32: value })
export const f32 = (value: number): Uniform => ({ f32: value })

const TARGET_SUBMIT_MS = 60
const ARENA_BYTES = 65536
const UNIFORM_ALIGN = 256
const USAGE_UNIFORM = 0x40 | 0x08 // UNIFORM | COPY_DST
/** Operations per millisecond before the first measurement: a software adapter's rate, so that the first submits are short everywhere. */
const FIRST_RATE = 1e6
/** Share of the difference to a faster rate that each submit adds. */
const SPEED_UP = 0.05
/** Submits reported done within this time of each other count as one measurement, up to this many submits. */
const TOGETHER_MS = 0.2
const TOGETHER_SUBMITS = 32
/** A dispatch counts for at least this many operations: launching has a cost, too. */
const DISPATCH_COST = 1e4

export interface Dispatch {
  kernel: Kernel
  /** bound from @binding(1) on, in order; @binding(0) is the uniform struct */
  tensors: readonly Tensor[]
  /** the members of the uniform struct in order, 4 bytes each; at most 64 */
  uniforms: readonly Uniform[]
  workgroups: readonly [number, number?, number?]
  /** floating-point operations, for the submit budget and the profile */
  flops: number
}

/** Encodes dispatches into short submits. */
export class CommandQueue {
  /** when set, dispatches only add their kernels to it: see Gpu.record */
  recording: Set<Kernel> | undefined
  /** kernels dispatched since this was last cleared */
  readonly used = new Set<Kernel>()
  /** operations per millisecond, measured */
  rate = FIRST_RATE
  /**
   * called once the GPU has finished a group of submits and the submit after it: the number of submits, the milliseconds that each took on
   * average, and the milliseconds that the GPU was idle before them
   */
  onSubmitsDone: ((submits: number, elapsedMs: number, idleMs: number) => void) | undefined
  private encoder: GPUCommandEncoder | undefined
  private pass: GPUComputePassEncoder | undefined
  private pendingFlops = 0
  private arenaUsed = 0
  private readonly arena: GPUBuffer
  private readonly arenaBytes = new ArrayBuffer(ARENA_BYTES)
  /** submits not known to be finished, oldest first */
  private readonly pending: { flops: number; done: Promise<void> }[] = []
  private done: DoneSubmits | undefined

  constructor(private readonly device: GPUDevice) {
    this.arena = device.createBuffer({ label: 'uniforms', size: ARENA_BYTES, usage: USAGE_UNIFORM })
  }

  /** The most operations of one dispatch; ops split larger ones. */
  get dispatchBudget(): number {
    return this.rate * TARGET_SUBMIT_MS
  }

  /** Adds one dispatch; submits when the budget is full. */
  dispatch(call: Dispatch): void {
    if (this.recording) {
      this.recording.add(call.kernel)
      return
    }
    const [x, y = 1, z = 1] = call.workgroups
    if (x === 0 || y === 0 || z === 0) return
    const limit = this.device.limits.maxComputeWorkgroupsPerDimension
    if (x > limit || y > limit || z > limit) throw new RangeError(`${call.kernel.label}: expected at most ${limit} workgroups a dimension, got ${x}×${y}×${z}.`)
    if (this.arenaUsed + UNIFORM_ALIGN > ARENA_BYTES) this.flush()
    this.used.add(call.kernel)
    const pipeline = call.kernel.ready()
    const view = new DataView(this.arenaBytes, this.arenaUsed, UNIFORM_ALIGN)
    call.uniforms.forEach((value, index) => {
      if ('u32' in value) view.setUint32(index * 4, value.u32, true)
      else if ('i32' in value) view.setInt32(index * 4, value.i32, true)
      else view.setFloat32(index * 4, value.f32, true)
    })
    const group = this.device.createBindGroup({
      layout: pipeline.getBindGroupLayout(0),
      entries: [
        { binding: 0, resource: { buffer: this.arena, offset: this.arenaUsed, size: UNIFORM_ALIGN } },
        ...call.tensors.map((tensor, index) => ({ binding: index + 1, resource: { buffer: tensor.buffer } })),
      ],
    })
    this.arenaUsed += UNIFORM_ALIGN
    this.encoder ??= this.device.createCommandEncoder()
    this.pass ??= this.encoder.beginComputePass()
    this.pass.setPipeline(pipeline)
    this.pass.setBindGroup(0, group)
    this.pass.dispatchWorkgroups(x, y, z)
    this.pendingFlops += Math.max(call.flops, DISPATCH_COST)
    if (this.pendingFlops >= this.dispatchBudget) this.flush()
  }

  /** Copies between buffers, in order with the dispatches. Offsets and size in bytes, multiples of 4. */
  copy(from: GPUBuffer, fromOffset: number, to: GPUBuffer, toOffset: number, bytes: number): void {
    if (this.recording) return
    this.pass?.end()
    this.pass = undefined
    this.encoder ??= this.device.createCommandEncoder()
    this.encoder.copyBufferToBuffer(from, fromOffset, to, toOffset, bytes)
  }

  /** Submits the pending dispatches. */
  flush(): void {
    if (!this.encoder) return
    this.pass?.end()
    this.device.queue.writeBuffer(this.arena, 0, this.arenaBytes, 0, this.arenaUsed)
    this.device.queue.submit([this.encoder.finish()])
    this.encoder = undefined
    this.pass = undefined
    this.arenaUsed = 0
    this.measure(this.pendingFlops)
    this.pendingFlops = 0
  }

  /**
   * Resolves when the GPU has at most about one submit's worth of work left. Work that is recorded then leaves the GPU no idle time, and a
   * cancelled job leaves it little to finish.
   */
  async nearlyDone(): Promise<void> {
    for (;;) {
      const [oldest] = this.pending
      const left = this.pending.reduce((sum, { flops }) => sum + flops, 0)
      if (!oldest || left <= this.dispatchBudget) return
      await oldest.done
    }
  }

  /** Measures when the GPU finishes a submit. */
  private measure(flops: number): void {
    const startMs = performance.now()
    const done = this.device.queue.onSubmittedWorkDone().then(
      () => {
        const untilMs = performance.now()
        const { done } = this
        if (done && untilMs - done.untilMs < TOGETHER_MS && done.submits < TOGETHER_SUBMITS) {
          this.done = { ...done, untilMs, flops: done.flops + flops, submits: done.submits + 1 }
          return
        }
        if (done) this.updateRate(done)
        this.done = { sinceMs: Math.max(startMs, done?.untilMs ?? 0), untilMs, flops, submits: 1, idleMs: done ? Math.max(0, startMs - done.untilMs) : 0 }
      },
      () => undefined, // a lost device is reported by Gpu.lost
    )
    this.pending.push({ flops, done: done.then(() => void this.pending.shift()) })
  }

  /**
   * Updates the rate: slows down at once after a submit that took too long, speeds up gradually. Kernels differ in operations per millisecond,
   * and a whole step is recorded at the rate of the end of the previous one, in which the slowest kernel must not exceed the target by much.
   */
  private updateRate({ sinceMs, untilMs, flops, submits, idleMs }: DoneSubmits): void {
    const elapsedMs = (untilMs - sinceMs) / submits
    this.onSubmitsDone?.(submits, elapsedMs, idleMs)
    if (flops < FIRST_RATE || elapsedMs <= 0) return
    const measured = flops / submits / elapsedMs
    for (let i = 0; i < submits; i++) {
      if (measured > this.rate) this.rate += Math.min(this.rate / 2, (measured - this.rate) * SPEED_UP)
      else if (elapsedMs > TARGET_SUBMIT_MS) this.rate = (this.rate + measured) / 2
    }
  }
}

/** Submits reported done at about the same time, as when the CPU was busy; their individual times are unknown. */
interface DoneSubmits {
  /** when the first was submitted or the one before it finished, whichever was later */
  sinceMs: number
  untilMs: number
  flops: number
  submits: number
  idleMs: number
}
