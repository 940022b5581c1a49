// The pixel format that a sink takes: RGBA for stills, I420 for clips.
import { i420Bytes, i420Weights, rgbaToI420, type Matrix } from '../media/yuv'
import type { FramesToPixels } from '../models/autoencoder'
import { fitsI420, framesToI420 } from '../ops/frames-to-i420'

type Bytes = Uint8ClampedArray<ArrayBuffer>

/** How a sink takes its frames. */
export interface FrameFormat {
  /** of a frame, RGBA u8 [height, width, 4] */
  ofRgba(rgba: Bytes): Bytes
  /** the same conversion, bit-exact, on the GPU; undefined for RGBA, and where the sides do not fit the kernel */
  onGpu?: GpuFrameFormat
}

export interface GpuFrameFormat {
  pixels: FramesToPixels
  /** of one frame */
  bytes: number
}

/** As they are. */
export const RGBA_FORMAT: FrameFormat = { ofRgba: (rgba) => rgba }

/** As a video encoder takes them; sides are even. */
export function i420Format(width: number, height: number, matrix: Matrix): FrameFormat {
  const bytes = i420Bytes(width, height)
  const weights = i420Weights(matrix)
  return {
    ofRgba(rgba) {
      const i420 = new Uint8ClampedArray(bytes)
      rgbaToI420(rgba, width, height, matrix, i420)
      return i420
    },
    ...(fitsI420(width, height) && { onGpu: { pixels: (scope, x) => framesToI420(scope, x, weights), bytes } }),
  }
}
