// Channels ↔ space and time: up- and downsampling in autoencoders.
import shuffleCode from '../../shaders/pixel_shuffle.wgsl?raw'
import unshuffleCode from '../../shaders/pixel_unshuffle.wgsl?raw'
import { f32, u32 } from '../engine/command-queue'
import type { Scope } from '../engine/scope'
import { dim, elementCount, type FloatDType, type Tensor } from '../engine/tensor'
import { dispatchElements } from './dispatch-groups'

/** Index arithmetic of one element, in the submit budget's operations. */
const FLOPS = 20
/** Stores clamp to these: beyond lies infinity. */
const LARGEST: Record<FloatDType, number> = { f32: 3.4028234e38, f16: 65504 }

/**
 * Order of the factors in the channel dimension, slowest first: channel, time, y, x as in torch's pixel_shuffle and LTX's
 * up- and downsamplers, or channel, time, x, y as in LTX's pixel patches.
 */
export type ShuffleOrder = 'ctyx' | 'ctxy'

interface CommonOptions {
  /** frames a group, t; 1 by default */
  time?: number
  /** pixels a side, p */
  space: number
  /** 'ctyx' by default */
  order?: ShuffleOrder
  /** added to the result, of its shape */
  addTo?: Tensor
  /** of the result; by default x's */
  dtype?: FloatDType
}

export interface PixelShuffleOptions extends CommonOptions {
  /** frames dropped from the front of the result; 0 by default */
  dropFirst?: number
  /** how often the result's channels are repeated: C, then C again …; 1 by default */
  repeatChannels?: number
  /** the result, addend included, is clamped to ±limit; its dtype's largest value by default */
  limit?: number
}

export interface PixelUnshuffleOptions extends CommonOptions {
  /** how often the first frame is repeated in front of x; 0 by default */
  repeatFirst?: number
  /** this many consecutive channels are averaged into one; 1 by default */
  meanOf?: number
}

function checkAddend(op: string, addTo: Tensor | undefined, shape: readonly number[]): void {
  if (addTo && addTo.shape.join() !== shape.join()) {
    throw new Error(`${op}: expected addTo [${shape.join(', ')}], got [${addTo.shape.join(', ')}].`)
  }
}

/** x [F, H, W, C·t·p·p] → [F·t − dropFirst, H·p, W·p, C·repeatChannels] */
export function pixelShuffle(scope: Scope, x: Tensor, options: PixelShuffleOptions): Tensor {
  const { time = 1, space, order = 'ctyx', dropFirst = 0, repeatChannels = 1, limit = Infinity, addTo, dtype = x.dtype as FloatDType } = options
  const [frames, height, width] = [dim(x, -4), dim(x, -3), dim(x, -2)]
  const channels = dim(x, -1) / (time * space * space)
  if (x.shape.length !== 4 || !Number.isInteger(channels)) {
    throw new Error(`pixelShuffle: expected [F, H, W, C·${time}·${space}·${space}], got [${x.shape.join(', ')}].`)
  }
  const shape = [frames * time - dropFirst, height * space, width * space, channels * repeatChannels]
  checkAddend('pixelShuffle', addTo, shape)
  const y = scope.alloc(shape, dtype)
  dispatchElements(scope.gpu, {
    source: { name: 'pixel_shuffle', code: shuffleCode },
    prelude: {
      elem: x.dtype,
      out_elem: dtype,
      add_elem: (addTo ?? x).dtype,
      X_FIRST: order === 'ctxy',
      HAS_ADD: addTo !== undefined,
    },
    tensors: [x, addTo ?? x, y], // a binding that is not read needs a buffer, too
    uniforms: [height, width, channels, channels * repeatChannels, time, space, dropFirst].map(u32).concat(f32(Math.min(limit, LARGEST[dtype]))),
    count: elementCount(shape),
    flops: FLOPS,
  })
  return y
}

/** The inverse. x [F, H, W, C] → [(F + repeatFirst)/t, H/p, W/p, C·t·p·p / meanOf] */
export function pixelUnshuffle(scope: Scope, x: Tensor, options: PixelUnshuffleOptions): Tensor {
  const { time = 1, space, order = 'ctyx', repeatFirst = 0, meanOf = 1, addTo, dtype = x.dtype as FloatDType } = options
  const channels = dim(x, -1)
  const shape = [(dim(x, -4) + repeatFirst) / time, dim(x, -3) / space, dim(x, -2) / space, (channels * time * space * space) / meanOf] as const
  if (x.shape.length !== 4 || !shape.every(Number.isInteger)) {
    throw new Error(
      `pixelUnshuffle: expected [F, H, W, C] with F + ${repeatFirst} a multiple of ${time}, H and W of ${space}, ` +
        `C·${time * space * space} of ${meanOf}; got [${x.shape.join(', ')}].`,
    )
  }
  checkAddend('pixelUnshuffle', addTo, shape)
  const y = scope.alloc(shape, dtype)
  dispatchElements(scope.gpu, {
    source: { name: 'pixel_unshuffle', code: unshuffleCode },
    prelude: {
      elem: x.dtype,
      out_elem: dtype,
      add_elem: (addTo ?? x).dtype,
      X_FIRST: order === 'ctxy',
      HAS_ADD: addTo !== undefined,
    },
    tensors: [x, addTo ?? x, y],
    uniforms: [shape[1], shape[2], channels, shape[3], time, space, repeatFirst, meanOf].map(u32).concat(f32(LARGEST[dtype])),
    count: elementCount(shape),
    flops: FLOPS + 8 * meanOf,
  })
  return y
}
