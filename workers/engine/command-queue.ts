// Dispatches are gathered into submits that stay short: a driver resets a device whose submit runs for seconds, and the
// page's own painting waits behind ours. The work in a submit is bounded by operations, at a rate measured as we go.
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
/** Operations a millisecond before anything is measured: a software adapter's rate, so that the first submits are short everywhere. */
const FIRST_RATE = 1e6
/** Share of what is missing to a faster rate that is gained with each submit. */
const SPEED_UP = 0.05
/** Submits that are done so soon after each other were found done at once; so many at the most. */
const TOGETHER_MS = 0.2
const TOGETHER_SUBMITS = 32
/** A dispatch costs at least this many operations: launching has a price too. */
const DISPATCH_COST = 1e4

export interface Dispatch {
  kernel: Kernel
  /** bound from @binding(1) on, in order; @binding(0) is the uniform struct */
  tensors: readonly Tensor[]
  /** the uniform struct's members in order, 4 bytes each; at most 64 */
  uniforms: readonly Uniform[]
  workgroups: readonly [number, number?, number?]
  /** floating-point operations, for the submit budget and the profile */
  flops: number
}

/** Encodes dispatches and submits them in short pieces. */
export class CommandQueue {
  /** when set, dispatches only note their kernels: see Gpu.compile */
  dryRun: Set<Kernel> | undefined
  /** kernels dispatched since this was last emptied */
  readonly used = new Set<Kernel>()
  /** operations a millisecond, measured */
  rate = FIRST_RATE
  /**
   * called when the GPU is known to be done with so many submits, and with the next after them: milliseconds that each took on average, and
   * how long the GPU had nothing to do before them
   */
  onSubmitsDone: ((submits: number, elapsedMs: number, pausedMs: number) => void) | undefined
  private encoder: GPUCommandEncoder | undefined
  private pass: GPUComputePassEncoder | undefined
  private pendingFlops = 0
  private arenaUsed = 0
  private readonly arena: GPUBuffer
  private readonly arenaBytes = new ArrayBuffer(ARENA_BYTES)
  /** submits that the GPU is not known to be done with, oldest first */
  private readonly underWay: { flops: number; done: Promise<void> }[] = []
  private done: DoneSubmits | undefined

  constructor(private readonly device: GPUDevice) {
    this.arena = device.createBuffer({ label: 'uniforms', size: ARENA_BYTES, usage: USAGE_UNIFORM })
  }

  /** The most operations one dispatch should have; ops split larger ones. */
  get dispatchBudget(): number {
    return this.rate * TARGET_SUBMIT_MS
  }

  /** Adds one dispatch; submits when the budget is full. */
  dispatch(call: Dispatch): void {
    if (this.dryRun) {
      this.dryRun.add(call.kernel)
      return
    }
    const [x, y = 1, z = 1] = call.workgroups
    if (x === 0 || y === 0 || z === 0) return
    const limit = this.device.limits.maxComputeWorkgroupsPerDimension
    if (x > limit || y > limit || z > limit) throw new RangeError(`${call.kernel.label}: ${x}×${y}×${z} workgroups, over the limit of ${limit}.`)
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

  /** Copies between buffers, in order with the dispatches. Sizes and offsets are multiples of 4 bytes. */
  copy(from: GPUBuffer, fromOffset: number, to: GPUBuffer, toOffset: number, bytes: number): void {
    if (this.dryRun) return
    this.pass?.end()
    this.pass = undefined
    this.encoder ??= this.device.createCommandEncoder()
    this.encoder.copyBufferToBuffer(from, fromOffset, to, toOffset, bytes)
  }

  /** Submits what is pending. */
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
   * Resolves when the GPU has no more than about a submit's worth of work left (at once where it has that anyway): what is recorded then leaves
   * it no pause, and a job that is cancelled leaves it little to do.
   */
  async nearlyDone(): Promise<void> {
    for (;;) {
      const [oldest] = this.underWay
      const left = this.underWay.reduce((sum, { flops }) => sum + flops, 0)
      if (!oldest || left <= this.dispatchBudget) return
      await oldest.done
    }
  }

  /** Notes when the GPU is done with a submit. */
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
        if (done) this.learn(done)
        this.done = { sinceMs: Math.max(startMs, done?.untilMs ?? 0), untilMs, flops, submits: 1, pausedMs: done ? Math.max(0, startMs - done.untilMs) : 0 }
      },
      () => undefined, // a lost device is reported by Gpu.lost
    )
    this.underWay.push({ flops, done: done.then(() => void this.underWay.shift()) })
  }

  /**
   * Learns the rate. Slows down at once where a submit took too long. Speeds up gently: kernels differ in what they do a millisecond, a whole
   * step is recorded at the rate that the last one ended with, and the slowest kernel is not to take much too long in it.
   */
  private learn({ sinceMs, untilMs, flops, submits, pausedMs }: DoneSubmits): void {
    const elapsedMs = (untilMs - sinceMs) / submits
    this.onSubmitsDone?.(submits, elapsedMs, pausedMs)
    if (flops < FIRST_RATE || elapsedMs <= 0) return
    const seen = flops / submits / elapsedMs
    for (let i = 0; i < submits; i++) {
      if (seen > this.rate) this.rate += Math.min(this.rate / 2, (seen - this.rate) * SPEED_UP)
      else if (elapsedMs > TARGET_SUBMIT_MS) this.rate = (this.rate + seen) / 2
    }
  }
}

/** Submits that were found done at once, as when the processor was busy with other things: how long each took cannot be told. */
interface DoneSubmits {
  /** when the first was submitted or the one before it was done, whichever was later */
  sinceMs: number
  untilMs: number
  flops: number
  submits: number
  pausedMs: number
}
