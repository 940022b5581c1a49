// A small moving picture of latents by the linear map of latentRgbFactors: next to no work, and no decoder.
import type { Scope } from '../engine/scope'
import { dim, type Tensor } from '../engine/tensor'
import { conv, uploadConv } from '../ops/conv'
import { framesToRgba } from '../ops/frames-to-rgba'
import type { VideoDecoder } from './autoencoder'
import { latentRgbFactors } from './ltx/latent-rgb-factors'

/** A picture a latent frame, a pixel a latent pixel: u32 [f, h, w]. @param z f32 [f, h, w, Z] */
export function linearPreview(scope: Scope, statistics: VideoDecoder['config'], z: Tensor): Tensor {
  const { weight, bias } = latentRgbFactors(statistics)
  return scope.within((inner) => {
    const colours = uploadConv(inner, weight, [3, dim(z, -1), 1, 1], bias, 'f32')
    return framesToRgba(scope, conv(inner, z, colours, { dtype: 'f32' }))
  })
}
