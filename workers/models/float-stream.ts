// Float weights that are read when they are asked for: an autoencoder's file is never in memory as a whole.
import type { Scope } from '../engine/scope'
import { uploadConv, uploadConvPieces, type ConvPiece, type ConvWeight } from '../ops/conv'
import type { FloatDType, Tensor } from '../engine/tensor'
import { uploadLinear, type LinearSource, type LinearWeight } from '../ops/linear'

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
  weights: FloatStream
  upload: WeightUpload
  /** of convolutions */
  dtype: FloatDType
}

/** Puts weights on the GPU. */
export interface WeightUpload {
  floats(values: Float32Array<ArrayBuffer>, shape: readonly number[]): Tensor
  /** f32 */
  linear(source: LinearSource): LinearWeight
  conv(values: Float32Array, shape: readonly number[], bias: Float32Array | undefined, dtype: FloatDType): ConvWeight
  convPieces(pieces: AsyncIterable<ConvPiece>, shape: readonly number[], bias: Float32Array | undefined, dtype: FloatDType): Promise<ConvWeight>
}

/** Uploads into a scope. */
export function uploadTo(scope: Scope): WeightUpload {
  return {
    floats: (values, shape) => scope.upload(values, shape, 'f32'),
    linear: (source) => uploadLinear(scope, source, 'f32'),
    conv: (values, shape, bias, dtype) => uploadConv(scope, values, shape, bias, dtype),
    convPieces: (pieces, shape, bias, dtype) => uploadConvPieces(scope, pieces, shape, bias, dtype),
  }
}

/** Uploads nothing: for checks of what would be read. */
const NO_UPLOAD: WeightUpload = {
  floats: (_values, shape) => placeholder(shape),
  linear: ({ out, in: inputs }) => ({ format: 'f32', out, in: inputs, data: placeholder([out, inputs]) }),
  conv: (_values, shape, _bias, dtype) => hollowConv(shape, dtype),
  convPieces: (_pieces, shape, _bias, dtype) => Promise.resolve(hollowConv(shape, dtype)),
}

const placeholder = (shape: readonly number[]): Tensor => ({ shape, dtype: 'f32', buffer: undefined as unknown as GPUBuffer })

function hollowConv([out = 0, inputs = 0]: readonly number[], dtype: FloatDType): ConvWeight {
  return { out, in: inputs, kernel: [1, 1, 1], shards: [], bias: placeholder([out]), dtype }
}

/**
 * A loader that reads and uploads nothing: what loads with it has placeholders without memory, and must not run.
 * @param weights checks a tensor by the headers of its file, as weights/tensor-reader.ts does
 */
export function checkingLoader(
  signal: AbortSignal,
  weights: Pick<FloatStream, 'has'> & { requireFloats(name: string, shape: readonly number[]): void },
): StreamLoader {
  const nothing = new Float32Array()
  return {
    signal,
    dtype: 'f32',
    upload: NO_UPLOAD,
    weights: {
      has: (name) => weights.has(name),
      floats(_signal, name, shape) {
        weights.requireFloats(name, shape)
        return Promise.resolve(nothing)
      },
      floatPieces(_signal, name, shape) {
        weights.requireFloats(name, shape)
        return { [Symbol.asyncIterator]: () => ({ next: () => Promise.resolve({ done: true, value: undefined }) }) }
      },
    },
  }
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
export async function streamFloats({ signal, upload, weights }: StreamLoader, name: string, shape: readonly number[]): Promise<Tensor> {
  return upload.floats(await weights.floats(signal, name, shape), shape)
}

/** Uploads `<name>.weight` [out, in] and `<name>.bias` [out], if there is one, as f32. */
export async function streamLinear({ signal, upload, weights }: StreamLoader, name: string, out: number, inputs: number): Promise<LinearWeight> {
  const values = await weights.floats(signal, `${name}.weight`, [out, inputs])
  const bias = await biasOf(signal, weights, name, out)
  return upload.linear({ values, out, in: inputs, ...(bias && { bias }) })
}

/**
 * Uploads `<name>.weight` [out, in, …kernel], some output channels at a time, and `<name>.bias` [out], if there is one.
 * @param kernel [kh, kw] or [kt, kh, kw]
 */
export async function streamConv(
  { signal, upload, weights, dtype }: StreamLoader,
  name: string,
  size: { out: number; in: number; kernel: readonly number[] },
): Promise<ConvWeight> {
  const shape = [size.out, size.in, ...size.kernel]
  const bias = await biasOf(signal, weights, name, size.out)
  return upload.convPieces(weights.floatPieces(signal, `${name}.weight`, shape), shape, bias, dtype)
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
