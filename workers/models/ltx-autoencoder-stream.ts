// LTX-Video's autoencoder in time order, a few frames at a time. Nothing is cut along time: every convolution over time keeps
// the two frames that its next window needs, so the frames are those of the whole clip, none is computed twice, and memory
// does not grow with the length. (A cut would not do: with 42 convolutions one after the other, the large decoder looks
// 21 latent frames back and ahead.) A unit that looks ahead gives its frames late, and the rest at the end.
import type { Scope } from '../engine/scope'
import { dim, type Tensor } from '../engine/tensor'
import { conv, type ConvWeight } from '../ops/conv'
import { joinFrames, sliceFrames, type FrameRun } from '../ops/frames'
import { norm } from '../ops/norm'
import { pixelShuffle, pixelUnshuffle } from '../ops/pixel-shuffle'
import { injectNoise, normSilu, type Conditioning, type Pass, type Residual } from './ltx-autoencoder-block'
import type { Steps } from './ltx-autoencoder-config'

/** A part of the network. Its weights are shared; what it remembers of frames gone by is its own. */
export interface StreamUnit {
  /** frames to push at once, at most */
  atOnce: number
  /** x [n, H, W, C], the next frames; the result in `scope`, none while too few are known. `last`: the clip ends with x. */
  push(scope: Scope, x: Tensor, last: boolean): Tensor | undefined
}

/** Where a unit keeps what it remembers, and what it runs with. */
export interface StreamContext {
  /** ends with the stream */
  memory: Scope
  pass: Pass
}

const TAPS = 3

/** Frames that came out of all units. */
export interface Group {
  frames: Tensor
  /** none comes after */
  last: boolean
}

/**
 * Runs frames through the units from `first` on, and gives what comes out, a few frames at a time, in `scope`: who takes them
 * frees them. Takes x over, which is in `scope`. After the last x comes at least one group.
 */
export function* runUnits(scope: Scope, units: readonly StreamUnit[], x: Tensor, last: boolean, first = 0): Generator<Group, void, undefined> {
  const unit = units[first]
  if (!unit) {
    yield { frames: x, last }
    return
  }
  const frames = dim(x, 0)
  for (let from = 0; from < frames; from += unit.atOnce) {
    const count = Math.min(unit.atOnce, frames - from)
    const ends = from + count === frames
    const y = scope.within((temporary) => unit.push(scope, count === frames ? x : sliceFrames(temporary, x, from, count), last && ends))
    if (ends) scope.free(x) // before what follows: it may be large
    if (y) yield* runUnits(scope, units, y, last && ends, first + 1)
  }
}

/** Frames gone by that a convolution over time still needs. */
class Window {
  private held: Tensor | undefined
  /** repetitions of the clip's first frame before it, and of its last one after it */
  private readonly back: number

  constructor(private readonly memory: Scope, private readonly front: number, time: Pass['time']) {
    this.back = time === 'both' ? 1 : 0
  }

  /** What is held and then x, the clip's ends repeated. */
  open(scope: Scope, x: Tensor, last: boolean): Tensor {
    const before: FrameRun[] = this.held ? [{ of: this.held }] : this.front > 0 ? Array<FrameRun>(this.front).fill({ of: x, from: 0, count: 1 }) : []
    const after = last ? Array<FrameRun>(this.back).fill({ of: x, from: dim(x, 0) - 1, count: 1 }) : []
    return joinFrames(scope, [...before, { of: x }, ...after] as [FrameRun, ...FrameRun[]])
  }

  /** Holds the last `count` of the window's frames, or nothing more after the last ones. */
  keep(frames: Tensor, count: number, last: boolean): void {
    if (this.held) this.memory.free(this.held)
    this.held = last ? undefined : sliceFrames(this.memory, frames, dim(frames, 0) - count, count)
  }
}

/** Frames in front of the clip that a window of three begins with, and the place of a result's own frame in it. */
function frontOf({ time }: Pass): number {
  return time === 'causal' ? TAPS - 1 : 1
}

/** Something that is done to windows of three frames, `step` apart. */
interface Windowed {
  /** done to each frame first, once */
  before?: (scope: Scope, x: Tensor) => Tensor
  /** frames [n, …] → one result for each of their windows, in `scope` */
  run: (scope: Scope, frames: Tensor) => Tensor
  step?: number
}

/** A unit that looks at the frames around each one. */
export function windowedUnit({ memory, pass }: StreamContext, atOnce: number, { before, run, step = 1 }: Windowed): StreamUnit {
  const window = new Window(memory, frontOf(pass), pass.time)
  return {
    atOnce,
    push: (scope, x, last) =>
      scope.within((inner) => {
        const frames = window.open(inner, before ? before(inner, x) : x, last)
        const count = windowsIn(frames, step)
        window.keep(frames, dim(frames, 0) - count * step, last)
        return count > 0 ? run(scope, frames) : undefined
      }),
  }
}

/** A convolution over time and space, or, with `stride`, a smaller grid. */
export function convUnit(context: StreamContext, weight: ConvWeight, atOnce: number, stride: readonly [number, number, number] = [1, 1, 1]): StreamUnit {
  return windowedUnit(context, atOnce, {
    run: (scope, frames) => conv(scope, frames, weight, { time: 'valid', stride, dtype: 'f32' }),
    step: stride[0],
  })
}

/** How many windows of three frames there are, `step` apart. */
function windowsIn(frames: Tensor, step = 1): number {
  return Math.max(0, Math.floor((dim(frames, 0) - TAPS) / step) + 1)
}

/** x + conv2(silu(norm2(conv1(silu(norm1(x)))))), with its options. */
export function residualUnit({ memory, pass }: StreamContext, block: Residual, atOnce: number, conditioning?: Conditioning): StreamUnit {
  const front = frontOf(pass)
  const { dtype } = pass
  const [outer, middle] = [new Window(memory, front, pass.time), new Window(memory, front, pass.time)]
  /** counted from the clip's first frame: where the outer window begins, and the next result */
  let start = -front
  let next = 0
  return {
    atOnce,
    push: (scope, x, last) =>
      scope.within((inner) => {
        const frames = outer.open(inner, x, last)
        const begin = start
        const kept = Math.min(TAPS - 1, dim(frames, 0))
        start += dim(frames, 0) - kept
        // the norm of two frames is computed again: keeping it too would take half as much memory more
        outer.keep(frames, kept, last)
        if (windowsIn(frames) === 0) return undefined
        const inside = inner.within((own) => {
          let y = conv(own, normSilu(own, frames, dtype, conditioning, 0), block.conv1, { time: 'valid', dtype: 'f32' })
          y = injectNoise(own, y, block, 0, pass)
          return middle.open(inner, normSilu(own, y, dtype, conditioning, 2), last)
        })
        const count = windowsIn(inside)
        middle.keep(inside, Math.min(TAPS - 1, dim(inside, 0)), last)
        if (count === 0) return undefined
        const same = sliceFrames(inner, frames, next - begin, count)
        next += count
        const { around } = block
        const addTo = around
          ? conv(inner, norm(inner, same, { kind: 'layer', eps: around.eps, weight: around.weight, bias: around.bias, dtype }), around.conv, { dtype: 'f32' })
          : same
        const y = conv(block.noise ? inner : scope, inside, block.conv2, { time: 'valid', addTo, dtype: 'f32' })
        return injectNoise(scope, y, block, 1, pass)
      }),
  }
}

/** foldDown in time order: whole groups of `t` frames, the first frame standing for its own. */
export function foldUnit({ memory, pass }: StreamContext, weight: ConvWeight, [time, space]: Steps, atOnce: number): StreamUnit {
  const front = frontOf(pass)
  const window = new Window(memory, front + time - 1, pass.time)
  return {
    atOnce,
    push: (scope, x, last) =>
      scope.within((inner) => {
        const frames = window.open(inner, x, last)
        const count = Math.floor(windowsIn(frames) / time) * time
        window.keep(frames, dim(frames, 0) - count, last)
        if (count === 0) return undefined
        const whole = sliceFrames(inner, frames, front, count)
        const out = weight.out * time * space * space
        const residual = pixelUnshuffle(inner, whole, { time, space, meanOf: (dim(x, -1) * time * space * space) / out })
        const y = conv(inner, sliceFrames(inner, frames, 0, count + TAPS - 1), weight, { time: 'valid', dtype: 'f32' })
        return pixelUnshuffle(scope, y, { time, space, addTo: residual })
      }),
  }
}

/** unfoldUp in time order: twice the frames, without the very first. */
export function unfoldUnit({ memory, pass }: StreamContext, weight: ConvWeight, options: { factor: number; residual: boolean }, atOnce: number): StreamUnit {
  const front = frontOf(pass)
  const window = new Window(memory, front, pass.time)
  let begun = false
  return {
    atOnce,
    push: (scope, x, last) =>
      scope.within((inner) => {
        const frames = window.open(inner, x, last)
        const count = windowsIn(frames)
        window.keep(frames, Math.min(TAPS - 1, dim(frames, 0)), last)
        if (count === 0) return undefined
        const unfold = { time: 2, space: 2, dropFirst: begun ? 0 : 1 }
        begun = true
        const around = options.residual && pixelShuffle(inner, sliceFrames(inner, frames, front, count), { ...unfold, repeatChannels: 8 / options.factor })
        const y = conv(inner, frames, weight, { time: 'valid', dtype: 'f32' })
        return pixelShuffle(scope, y, { ...unfold, ...(around && { addTo: around }) })
      }),
  }
}

/** What needs no other frame. */
export function frameUnit(atOnce: number, run: (scope: Scope, x: Tensor) => Tensor): StreamUnit {
  return { atOnce, push: run }
}
