/** A clip in memory: each frame is RGBA u8 [height, width, 4]. */
export interface Clip {
  width: number
  height: number
  frames: Uint8ClampedArray[]
}
