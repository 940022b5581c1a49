// Where new frames meet frames that are there, the decoder's error would be seen as a jump: the known frame is shown as it is, its
// neighbour as it was decoded. So what the decoder gets wrong of the known frame is taken off its neighbours too, less and less.
import type { ChunkPiece } from '../../src/shared/plan'

type Rgba = Uint8ClampedArray<ArrayBuffer>

/** Frames over which an error is faded out, or all new ones where they are fewer; so many are held back in front of a known end. */
const FADE_FRAMES = 8

/** What is shown beside the new frames of a window, RGBA u8 [height, width, 4]. */
export interface Edges {
  /** the frame before the first new one */
  before?: Rgba
  /** the frame after the last new one, or that it is still to be decoded */
  after?: Rgba | 'to-come'
}

/** Takes a window's decoded frames in time order, and gives the new ones as they are shown. */
export class BoundaryBlend {
  private frame = 0
  private errorBefore: Int16Array | undefined
  /** as this window has the frame that is to come */
  private end: Rgba | undefined
  private held: Rgba[] = []
  private readonly firstNew: number
  private readonly endNew: number
  private readonly fade: number

  constructor(
    { frames, skipFirst, skipLast }: Pick<ChunkPiece, 'frames' | 'skipFirst' | 'skipLast'>,
    private readonly edges: Edges,
  ) {
    this.firstNew = skipFirst
    this.endNew = frames - skipLast
    this.fade = Math.min(FADE_FRAMES, this.endNew - this.firstNew)
  }

  /** Whether all new frames have been given. */
  get done(): boolean {
    return this.edges.after ? this.frame > this.endNew : this.frame >= this.endNew
  }

  /** The next decoded frame; its array is corrected and shown. @returns frames to show now, in order */
  add(decoded: Rgba): Rgba[] {
    const index = this.frame++
    if (index < this.firstNew) {
      if (index === this.firstNew - 1 && this.edges.before) this.errorBefore = errorOf(this.edges.before, decoded)
      return []
    }
    if (index > this.endNew) return []
    if (index === this.endNew) {
      this.end = decoded
      return this.edges.after === 'to-come' ? [] : this.meet(this.edges.after)
    }
    const distance = index - this.firstNew + 1
    if (this.errorBefore && distance <= this.fade) correct(decoded, this.errorBefore, this.shareAt(distance))
    if (!this.edges.after) return [decoded]
    this.held.push(decoded)
    return this.held.length > this.fade ? [this.held.shift() as Rgba] : []
  }

  /** Frames held back before an end that was to come, now that it is known. */
  meet(after: Rgba | undefined): Rgba[] {
    const held = this.held.splice(0)
    if (!after || !this.end) return held
    const error = errorOf(after, this.end)
    held.forEach((frame, index) => correct(frame, error, this.shareAt(held.length - index)))
    return held
  }

  /** How much of an error is left so many frames from where it was found: none at the other end of the fade. */
  private shareAt(distance: number): number {
    return 1 - distance / (this.fade + 1)
  }
}

/** What is to be added to a decoded frame so that it is the known one. */
function errorOf(known: Rgba, decoded: Rgba): Int16Array {
  return Int16Array.from(known, (value, index) => value - (decoded[index] as number))
}

function correct(frame: Rgba, error: Int16Array, share: number): void {
  for (let index = 0; index < frame.length; index++) frame[index] = (frame[index] as number) + share * (error[index] as number)
}
