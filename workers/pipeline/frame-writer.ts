// The frames of a clip on their way to its file, in time order: hashed, faded into each other where a piece asks for it, and the
// first and last few of them kept for what goes on from them. Memory does not grow with the clip.
import type { ClipSink } from './clip-sink'
import type { GpuFrameFormat } from './frame-format'
import { ValuesHash } from './hashes'
import { untilAborted } from '../engine/until-aborted'

type Rgba = Uint8ClampedArray<ArrayBuffer>

/** Where the pieces of a clip put their frames. */
export class FrameWriter {
  /** frames in the file */
  shown = 0
  private readonly hash = new ValuesHash()
  private first: Rgba[] = []
  private last: Rgba[] = []
  /** the end of the piece before, faded out under what comes */
  private leaving: Rgba[] = []
  private fadeFrames = 0
  /** the end of this piece, not in the file yet */
  private held: Rgba[] = []
  private holding = 0

  /**
   * @param sink of the clip's file
   * @param keep how many frames from its beginning and its end are kept, for what goes on from them
   */
  constructor(
    private readonly sink: ClipSink,
    private readonly keep: number,
  ) {}

  /**
   * A piece begins.
   * @param dissolve frames over which it is faded in over the end of the piece before
   * @param dissolveNext the same of the piece after it
   */
  begin(dissolve: number, dissolveNext: number): void {
    this.leaving = dissolve > 0 ? this.held : []
    this.fadeFrames = this.leaving.length
    this.held = []
    this.holding = dissolveNext
  }

  /** The next frame, RGBA u8 [height, width, 4]; its array is not to change any more, for it may be kept. */
  async add(signal: AbortSignal, rgba: Rgba): Promise<void> {
    const under = this.leaving.shift()
    const frame = under ? faded(under, rgba, (this.fadeFrames - this.leaving.length) / (this.fadeFrames + 1)) : rgba
    if (this.first.length < this.keep) this.first.push(frame)
    this.last.push(frame)
    if (this.last.length > this.keep) this.last.shift()
    this.held.push(frame)
    while (this.held.length > this.holding) await this.write(signal, this.sink.form.ofRgba(this.held.shift() as Rgba))
  }

  /** What is still held back is written: the clip ends here. */
  async end(signal: AbortSignal): Promise<void> {
    for (const frame of this.held.splice(0)) await this.write(signal, this.sink.form.ofRgba(frame))
  }

  /** The last `count` frames shown, one after the other; where there were fewer, the oldest stands for those before it. */
  lastShown(count: number): Rgba {
    return joined([...repeated(this.last[0], count - this.last.length), ...this.last.slice(-count)])
  }

  /** The first `count` frames shown; where there were fewer, the last of them stands for those behind it. */
  firstShown(count: number): Rgba {
    return joined([...this.first.slice(0, count), ...repeated(this.first.at(-1), count - this.first.length)])
  }

  /** How frames for write() are made, where nothing is faded or kept: there is need of RGBA no more. */
  get direct(): GpuFrameFormat | undefined {
    return this.keep === 0 && this.holding === 0 && this.leaving.length === 0 ? this.sink.form.onGpu : undefined
  }

  /** Hex SHA-256 of the SHA-256s of all frames in the file, as it takes them. */
  hex(): string {
    return this.hash.hex()
  }

  /** The next frame as the file takes it, RGBA no more. */
  async write(signal: AbortSignal, frame: Uint8ClampedArray<ArrayBuffer>): Promise<void> {
    // by the browser, on a thread of its own: in JavaScript a large frame's hash took longer than all else that is done to it
    const digest = crypto.subtle.digest('SHA-256', frame)
    await untilAborted(signal, this.sink.add(frame))
    this.hash.add(new Uint8Array(await digest))
    this.shown++
  }
}

/** from + share · (to − from) */
function faded(from: Rgba, to: Rgba, share: number): Rgba {
  return to.map((value, index) => {
    const old = from[index] as number
    return old + share * (value - old)
  })
}

function repeated(frame: Rgba | undefined, times: number): Rgba[] {
  return frame ? Array.from({ length: Math.max(0, times) }, () => frame) : []
}

function joined(frames: readonly Rgba[]): Rgba {
  const size = frames[0]?.length ?? 0
  const all = new Uint8ClampedArray(frames.length * size)
  frames.forEach((frame, index) => all.set(frame, index * size))
  return all
}
