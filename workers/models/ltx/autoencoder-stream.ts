// LTX-Video's autoencoder in time order, a few frames at a time. Nothing is cut along time: every convolution over time keeps
// the two frames that its next window needs, so the frames are those of the whole clip, none is computed twice, and memory
// does not grow with the length. (A cut would not do: the large decoder has 45 convolutions one after the other, and looks
// 21 latent frames back and ahead: 12 for those at the latent's own scale, half of 11, a quarter of 11, an eighth of 11.) A unit that looks ahead gives its frames late, and the rest at the end.
import type { Scope } from '../../engine/scope'
import { dim, type Tensor } from '../../engine/tensor'
import { conv, type ConvWeight } from '../../ops/conv'
import { joinFrames, sliceFrames, type FrameRun } from '../../ops/frames'
import { pixelShuffle, pixelUnshuffle } from '../../ops/pixel-shuffle'
import { injectNoise, normAround, normSilu, type Conditioning, type Pass, type Residual } from './autoencoder-block'
import type { Steps } from './autoencoder-config'

/** A part of the network. Its weights are shared; what it remembers of frames gone by is its own. */
export interface StreamUnit {
  /** frames to push at once, at most */
  atOnce: number
  /** x [n, H, W, C], the next frames; results in `scope`, in order, none while too few are known. `last`: the clip ends with x. */
  push(scope: Scope, x: Tensor, last: boolean): Tensor[]
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
    const results = scope.within((temporary) => unit.push(scope, count === frames ? x : sliceFrames(temporary, x, from, count), last && ends))
    if (ends) scope.free(x) // before what follows: it may be large
    for (const [index, y] of results.entries()) yield* runUnits(scope, units, y, last && ends && index === results.length - 1, first + 1)
  }
}

/** Frames gone by that a convolution over time still needs. Its memory never has less than two once it was kept. */
class Window {
  private held: Tensor | undefined

  /** @param front how often the clip's first frame is repeated before it */
  constructor(
    private readonly memory: Scope,
    private readonly front: number,
  ) {}

  /** What is held, and then x. */
  open(scope: Scope, x: Tensor): Tensor {
    const before: FrameRun[] = this.held ? [{ of: this.held }] : Array<FrameRun>(this.front).fill({ of: x, from: 0, count: 1 })
    return joinFrames(scope, [...before, { of: x }])
  }

  /** What is held, and then its last frame again: after the clip's last frame, where the network looks ahead. */
  end(scope: Scope): Tensor {
    if (!this.held) throw new Error('Window: a clip ends that has not begun.')
    return joinFrames(scope, [{ of: this.held }, { of: this.held, from: dim(this.held, 0) - 1 }])
  }

  /** Holds the last `count` of the window's frames. */
  keep(frames: Tensor, count: number): void {
    const held = sliceFrames(this.memory, frames, dim(frames, 0) - count, count)
    this.release()
    this.held = held
  }

  release(): void {
    if (this.held) this.memory.free(this.held)
    this.held = undefined
  }
}

/** New frames are looked at first, and then, by themselves, the windows that the end of the clip completes: so none is longer. */
function stepsOf({ time }: Pass, last: boolean): readonly ('new' | 'end')[] {
  return last && time === 'both' ? ['new', 'end'] : ['new']
}

/** Frames in front of the clip that a window of three begins with, and the place of a result's own frame in it. */
function frontOf({ time }: Pass): number {
  return time === 'causal' ? TAPS - 1 : 1
}

/** Something that is done to windows of three frames, `step` apart; only whole groups of windows. */
interface Windowed {
  /** done to each frame first, once */
  before?: (scope: Scope, x: Tensor) => Tensor
  /** frames [n, …] → one result for each of their first `count` windows, in `scope` */
  run: (scope: Scope, frames: Tensor, count: number) => Tensor
  step?: number
  group?: number
  /** repetitions of the clip's first frame before it, besides the window's own */
  front?: number
}

/** A unit that looks at the frames around each one. */
export function windowedUnit({ memory, pass }: StreamContext, atOnce: number, { before, run, step = 1, group = 1, front = 0 }: Windowed): StreamUnit {
  const window = new Window(memory, frontOf(pass) + front)
  return {
    atOnce,
    push(scope, x, last) {
      const results = stepsOf(pass, last).flatMap((which) =>
        scope.within((inner) => {
          const frames = which === 'new' ? window.open(inner, before ? before(inner, x) : x) : window.end(inner)
          const count = Math.floor(windowsIn(frames, step) / group) * group
          window.keep(frames, dim(frames, 0) - count * step)
          return count > 0 ? run(scope, frames, count) : []
        }),
      )
      if (last) window.release()
      return results
    },
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
  const [outer, middle] = [new Window(memory, front), new Window(memory, front)]
  const keepTwo = (window: Window, frames: Tensor): number => {
    const kept = Math.min(TAPS - 1, dim(frames, 0))
    window.keep(frames, kept)
    return dim(frames, 0) - kept
  }
  /** counted from the clip's first frame: where the outer window begins, and the next result */
  let start = -front
  let next = 0

  /** frames of the outer window → silu(norm2(conv1(…))) */
  const firstHalf = (scope: Scope, frames: Tensor): Tensor =>
    scope.within((inner) => {
      // the norm of the two frames held is computed again: holding it too would take half as much memory more
      const y = conv(inner, normSilu(inner, frames, dtype, conditioning, 0), block.conv1, { time: 'valid', dtype: 'f32' })
      return normSilu(scope, injectNoise(inner, y, block, 0, pass), dtype, conditioning, 2)
    })
  /** frames of the middle window, and the inputs that their results are added to */
  const secondHalf = (scope: Scope, inside: Tensor, same: Tensor): Tensor =>
    scope.within((inner) => {
      const { around } = block
      const addTo = around ? conv(inner, normAround(inner, same, around), around.conv, { dtype: 'f32' }) : same
      const y = conv(block.noise ? inner : scope, inside, block.conv2, { time: 'valid', addTo, dtype: 'f32' })
      return injectNoise(scope, y, block, 1, pass)
    })

  return {
    atOnce,
    push(scope, x, last) {
      const results: Tensor[] = []
      for (const which of stepsOf(pass, last)) {
        scope.within((inner) => {
          const frames = which === 'new' ? outer.open(inner, x) : outer.end(inner)
          const begin = start
          start += keepTwo(outer, frames)
          if (windowsIn(frames) === 0) return
          for (const inMiddle of stepsOf(pass, which === 'end')) {
            inner.within((own) => {
              const inside = inMiddle === 'new' ? middle.open(own, firstHalf(own, frames)) : middle.end(own)
              keepTwo(middle, inside)
              const count = windowsIn(inside)
              if (count === 0) return
              results.push(secondHalf(scope, inside, sliceFrames(own, frames, next - begin, count)))
              next += count
            })
          }
        })
      }
      if (last) for (const window of [outer, middle]) window.release()
      return results
    },
  }
}

/** foldDown in time order: whole groups of `t` frames, the first frame standing for its own. */
export function foldUnit(context: StreamContext, weight: ConvWeight, [time, space]: Steps, atOnce: number): StreamUnit {
  const place = frontOf(context.pass)
  return windowedUnit(context, atOnce, {
    group: time,
    front: time - 1,
    run: (scope, frames, count) =>
      scope.within((inner) => {
        const whole = sliceFrames(inner, frames, place, count)
        const out = weight.out * time * space * space
        const residual = pixelUnshuffle(inner, whole, { time, space, meanOf: (dim(whole, -1) * time * space * space) / out })
        const y = conv(inner, sliceFrames(inner, frames, 0, count + TAPS - 1), weight, { time: 'valid', dtype: 'f32' })
        return pixelUnshuffle(scope, y, { time, space, addTo: residual })
      }),
  })
}

/** unfoldUp in time order: twice the frames, without the very first. */
export function unfoldUnit(context: StreamContext, weight: ConvWeight, options: { factor: number; residual: boolean }, atOnce: number): StreamUnit {
  const place = frontOf(context.pass)
  let begun = false
  return windowedUnit(context, atOnce, {
    run: (scope, frames, count) =>
      scope.within((inner) => {
        const unfold = { time: 2, space: 2, dropFirst: begun ? 0 : 1 }
        begun = true
        const around = options.residual && pixelShuffle(inner, sliceFrames(inner, frames, place, count), { ...unfold, repeatChannels: 8 / options.factor })
        const y = conv(inner, frames, weight, { time: 'valid', dtype: 'f32' })
        return pixelShuffle(scope, y, { ...unfold, ...(around && { addTo: around }) })
      }),
  })
}

/** What needs no other frame. */
export function frameUnit(atOnce: number, run: (scope: Scope, x: Tensor) => Tensor): StreamUnit {
  return { atOnce, push: (scope, x) => [run(scope, x)] }
}
