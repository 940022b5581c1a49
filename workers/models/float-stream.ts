// Float weights that are read when they are asked for: an autoencoder's file is never in memory as a whole.
import type { Scope } from '../engine/scope'
import { uploadConvPieces, type ConvWeight } from '../ops/conv'
import type { FloatDType, Tensor } from '../engine/tensor'
import { uploadLinear, type LinearWeight } from '../ops/linear'

/** Tensors by name; what weights/tensor-reader.ts reads of any file. */
export interface FloatStream {
  has(name: string): boolean
  /** A small tensor's values. @throws AppError weights-corrupt when it is missing, has another shape or holds no floats; the signal's reason when it fires */
  floats(signal: AbortSignal, name: string, shape: readonly number[]): Promise<Float32Array<ArrayBuffer>>
  /** A large tensor's rows in order, some at a time. @throws as floats */
  floatPieces(signal: AbortSignal, name: string, shape: readonly number[]): AsyncIterable<{ first: number; values: Float32Array<ArrayBuffer> }>
}

/** Where weights come from and go to. */
export interface StreamLoader {
  signal: AbortSignal
  scope: Scope
  weights: FloatStream
  /** of convolutions */
  dtype: FloatDType
}

/** The same weights under other names. */
export function renamedFloats(weights: FloatStream, storedName: (name: string) => string): FloatStream {
  return {
    has: (name) => weights.has(storedName(name)),
    floats: (signal, name, shape) => weights.floats(signal, storedName(name), shape),
    floatPieces: (signal, name, shape) => weights.floatPieces(signal, storedName(name), shape),
  }
}

/** Uploads a vector or table of weights as f32. */
export async function streamFloats({ signal, scope, weights }: StreamLoader, name: string, shape: readonly number[]): Promise<Tensor> {
  return scope.upload(await weights.floats(signal, name, shape), shape, 'f32')
}

/** Uploads `<name>.weight` [out, in] and `<name>.bias` [out], if there is one, as f32. */
export async function streamLinear({ signal, scope, weights }: StreamLoader, name: string, out: number, inputs: number): Promise<LinearWeight> {
  const values = await weights.floats(signal, `${name}.weight`, [out, inputs])
  const bias = await biasOf(signal, weights, name, out)
  return uploadLinear(scope, { values, out, in: inputs, ...(bias && { bias }) }, 'f32')
}

/**
 * Uploads `<name>.weight` [out, in, …kernel], some output channels at a time, and `<name>.bias` [out], if there is one.
 * @param kernel [kh, kw] or [kt, kh, kw]
 */
export async function streamConv(
  { signal, scope, weights, dtype }: StreamLoader,
  name: string,
  size: { out: number; in: number; kernel: readonly number[] },
): Promise<ConvWeight> {
  const shape = [size.out, size.in, ...size.kernel]
  const bias = await biasOf(signal, weights, name, size.out)
  return uploadConvPieces(scope, weights.floatPieces(signal, `${name}.weight`, shape), shape, bias, dtype)
}

async function biasOf(signal: AbortSignal, weights: FloatStream, name: string, out: number): Promise<Float32Array | undefined> {
  return weights.has(`${name}.bias`) ? weights.floats(signal, `${name}.bias`, [out]) : undefined
}

/** Makes one after the other, so that no more than one tensor of a file is read at a time. */
export async function inTurn<T, R>(items: Iterable<T>, make: (item: T) => Promise<R>): Promise<R[]> {
  const made: R[] = []
  for (const item of items) made.push(await make(item))
  return made
}
