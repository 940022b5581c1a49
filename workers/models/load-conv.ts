// Convolutions from a model's weights.
import type { Scope } from '../engine/scope'
import type { FloatDType } from '../engine/tensor'
import { uploadConv, type ConvWeight } from '../ops/conv'
import { getShaped, type WeightSource } from './weight-source'

/**
 * Uploads `<name>.weight` [out, in, …kernel] and, if there is one, `<name>.bias` [out].
 * @param kernel [kh, kw] or [kt, kh, kw]
 */
export function loadConv(
  scope: Scope,
  weights: WeightSource,
  name: string,
  size: { out: number; in: number; kernel: readonly number[] },
  dtype: FloatDType,
): ConvWeight {
  const shape = [size.out, size.in, ...size.kernel]
  const biasName = `${name}.bias`
  const bias = weights.has(biasName) ? getShaped(weights, biasName, [size.out]) : undefined
  return uploadConv(scope, getShaped(weights, `${name}.weight`, shape), shape, bias, dtype)
}
