// Boundary blending. Where new frames meet existing ones, the decoder's error would show as a jump: the existing frame is shown as it is,
// its neighbor as it was decoded. So the decoder's error on the existing frame is subtracted from its neighbors too, fading out.
import type { ChunkPiece } from '../../src/shared/plan'

type Rgba = Uint8ClampedArray<ArrayBuffer>

/** Frames over which the error fades out, or all new ones where they are fewer; as many are held back before a given end. */
const FADE_FRAMES = 8

/** The frames beside a chunk's new ones, RGBA u8 [height, width, 4]. */
export interface Edges {
  /** the frame before the first new one */
  before?: Rgba
  /** the frame after the last new one; `to-come` where that is still to be decoded */
  after?: Rgba | 'to-come'
}

/** Takes a chunk's decoded frames in time order, and returns the new ones as they are to be written. */
export class BoundaryBlend {
  private frame = 0
  private errorBefore: Int16Array | undefined
  /** this chunk's version of the frame after its end */
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

  /** Whether all new frames have been returned. */
  get done(): boolean {
    return this.edges.after ? this.frame > this.endNew : this.frame >= this.endNew
  }

  /** Takes the next decoded frame, and corrects it in place. @returns frames to write now, in order */
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

  /** The frames held back before an end that was to come, corrected now that it is decoded. */
  meet(after: Rgba | undefined): Rgba[] {
    const held = this.held.splice(0)
    if (!after || !this.end) return held
    const error = errorOf(after, this.end)
    held.forEach((frame, index) => correct(frame, error, this.shareAt(held.length - index)))
    return held
  }

  /** The share of the error that is left at this distance in frames: none at the other end of the fade. */
  private shareAt(distance: number): number {
    return 1 - distance / (this.fade + 1)
  }
}

/** existing − decoded */
function errorOf(existing: Rgba, decoded: Rgba): Int16Array {
  return Int16Array.from(existing, (value, index) => value - (decoded[index] as number))
}

function correct(frame: Rgba, error: Int16Array, share: number): void {
  for (let index = 0; index < frame.length; index++) frame[index] = (frame[index] as number) + share * (error[index] as number)
}
