// The frames of a clip on their way to its file, in time order: hashed, dissolved into each other where a piece asks for it, and the first
// and last few of them retained as context for later chunks. Memory does not grow with the clip.
import type { ClipSink } from './clip-sink'
import type { GpuFrameFormat } from './frame-format'
import { ValuesHash } from './hashes'
import { untilAborted } from '../engine/until-aborted'

type Rgba = Uint8ClampedArray<ArrayBuffer>

/** Takes the frames of a clip's pieces. */
export class FrameWriter {
  /** frames in the file */
  written = 0
  private readonly hash = new ValuesHash()
  private first: Rgba[] = []
  private last: Rgba[] = []
  /** the end of the piece before, faded out under the frames that come */
  private leaving: Rgba[] = []
  private fadeFrames = 0
  /** the end of this piece, not in the file yet */
  private held: Rgba[] = []
  private holding = 0

  /**
   * @param sink of the clip's file
   * @param retained how many frames from its beginning and its end are retained as context
   */
  constructor(
    private readonly sink: ClipSink,
    private readonly retained: number,
  ) {}

  /**
   * Begins a piece.
   * @param dissolve frames over which it fades in over the end of the piece before
   * @param dissolveNext the same for the piece after it
   */
  begin(dissolve: number, dissolveNext: number): void {
    this.leaving = dissolve > 0 ? this.held : []
    this.fadeFrames = this.leaving.length
    this.held = []
    this.holding = dissolveNext
  }

  /** The next frame, RGBA u8 [height, width, 4]; its array must not change any more, because it may be retained. */
  async add(signal: AbortSignal, rgba: Rgba): Promise<void> {
    const under = this.leaving.shift()
    const frame = under ? faded(under, rgba, (this.fadeFrames - this.leaving.length) / (this.fadeFrames + 1)) : rgba
    if (this.first.length < this.retained) this.first.push(frame)
    this.last.push(frame)
    if (this.last.length > this.retained) this.last.shift()
    this.held.push(frame)
    while (this.held.length > this.holding) await this.write(signal, this.sink.format.ofRgba(this.held.shift() as Rgba))
  }

  /** Writes the frames that are still held back: the clip ends here. */
  async end(signal: AbortSignal): Promise<void> {
    for (const frame of this.held.splice(0)) await this.write(signal, this.sink.format.ofRgba(frame))
  }

  /** The last `count` frames so far, one after the other; where there are fewer, the oldest is repeated before them. */
  lastShown(count: number): Rgba {
    return joined([...repeated(this.last[0], count - this.last.length), ...this.last.slice(-count)])
  }

  /** The first `count` frames; where there are fewer, the last of them is repeated behind them. */
  firstShown(count: number): Rgba {
    return joined([...this.first.slice(0, count), ...repeated(this.first.at(-1), count - this.first.length)])
  }

  /** How the GPU makes frames for write(), where nothing is dissolved or retained and RGBA is not needed. */
  get direct(): GpuFrameFormat | undefined {
    return this.retained === 0 && this.holding === 0 && this.leaving.length === 0 ? this.sink.format.onGpu : undefined
  }

  /** Hex SHA-256 over the SHA-256s of all frames in the file, in the file's pixel format. */
  hex(): string {
    return this.hash.hex()
  }

  /** The next frame, in the file's pixel format. */
  async write(signal: AbortSignal, frame: Uint8ClampedArray<ArrayBuffer>): Promise<void> {
    // The browser hashes on a thread of its own; in JavaScript a large frame's hash took longer than everything else.
    const digest = crypto.subtle.digest('SHA-256', frame)
    await untilAborted(signal, this.sink.add(frame))
    this.hash.add(new Uint8Array(await digest))
    this.written++
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
