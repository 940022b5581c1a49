// What the pipeline asks of any autoencoder. Latents are raw and channels last, f32 [T, h, w, Z]: whitened ones times
// latents_std plus latents_mean.
import type { Scope } from '../engine/scope'
import type { Tensor } from '../engine/tensor'

/** Random numbers that a decoder may ask for, so that a clip is made again from its seed. */
export interface DecodeNoise {
  /** normal values, f32 [T, h, w, Z], mixed into the latents by decoders that were trained on noisy ones */
  latents?: Float32Array
  /** normal values, f32 [H, W], for the parameter of this name, where blocks inject noise; the same at every call */
  field?: (parameter: string, height: number, width: number) => Float32Array
}

/** How decoded frames [F, H, W, 3] in −1..1 become the bytes that are read back. */
export type FramesToPixels = (scope: Scope, x: Tensor) => Tensor

/** From latents to pixels. */
export interface VideoDecoder {
  readonly config: {
    /** of the raw latents, one a channel */
    readonly latents_mean: readonly number[]
    readonly latents_std: readonly number[]
  }
  /**
   * Decodes into groups of frames in time order, frame after frame. Memory does not grow with the length; what it
   * made is freed when it ends, fails, is returned early, or the signal fires.
   * @param pixels what its frames are made of, RGBA u8 where nothing is said
   */
  decode(
    signal: AbortSignal,
    scope: Scope,
    z: Tensor,
    noise?: DecodeNoise,
    pixels?: FramesToPixels,
  ): AsyncGenerator<Uint8ClampedArray<ArrayBuffer>, void, undefined>
  /** Dispatches what `decode` would for a first latent frame, for compiling ahead. Missing where the weights are not here yet. */
  warmUpDecode?(scope: Scope, z: Tensor, pixels?: FramesToPixels): void
  /** A small moving picture for next to no work, u32 [F, h, w] as framesToRgba packs it: see readPreview. Only dispatches. */
  preview(scope: Scope, z: Tensor): Tensor
}
