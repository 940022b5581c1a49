// Linear layers from a model's weights, in the format that a part of the model asks for.
import type { Scope } from '../engine/scope'
import { uploadLinear, type LinearWeight, type WeightFormat } from '../ops/linear'
import { getShaped, type WeightSource } from './weight-source'

/** Uploads `<name>.weight` [out, in] and, if there is one, `<name>.bias` [out]. Stored int8 is taken as it is for 'i8'. */
export function loadLinear(scope: Scope, weights: WeightSource, name: string, out: number, inputs: number, format: WeightFormat): LinearWeight {
  const weightName = `${name}.weight`
  const biasName = `${name}.bias`
  const bias = weights.has(biasName) ? getShaped(weights, biasName, [out]) : undefined
  const quantized = format === 'i8' ? weights.getQuantized(weightName) : undefined
  const fits = quantized && quantized.shape[0] === out && quantized.shape[1] === inputs
  const values = fits ? quantized : getShaped(weights, weightName, [out, inputs])
  return uploadLinear(scope, { values, out, in: inputs, ...(bias && { bias }) }, format)
}

/** Uploads a vector or table of weights as f32, after checking its shape. */
export function loadFloats(scope: Scope, weights: WeightSource, name: string, shape: readonly number[]): ReturnType<Scope['upload']> {
  return scope.upload(getShaped(weights, name, shape), shape, 'f32')
}
