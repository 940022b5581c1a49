// A tensor is a shape, a dtype and a GPU buffer, which a Scope owns.

/** Element types on the GPU. i8 is packed four to a u32 word, i4 eight to a word. */
export type DType = 'f32' | 'f16' | 'u32' | 'i32' | 'i8' | 'i4'

/** Element types of activations. */
export type FloatDType = 'f32' | 'f16'

const BITS: Record<DType, number> = { f32: 32, f16: 16, u32: 32, i32: 32, i8: 8, i4: 4 }

/** A contiguous, row-major array in a GPU buffer. */
export interface Tensor {
  readonly shape: readonly number[]
  readonly dtype: DType
  readonly buffer: GPUBuffer
}

/** The number of elements of a shape. */
export function elementCount(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1)
}

/** Bytes of a tensor, rounded up to whole 4-byte words. */
export function tensorBytes(shape: readonly number[], dtype: DType): number {
  return Math.ceil((elementCount(shape) * BITS[dtype]) / 32) * 4
}

/** The same elements in another shape; throws when the counts differ. */
export function reshape(tensor: Tensor, shape: readonly number[]): Tensor {
  if (elementCount(shape) !== elementCount(tensor.shape)) {
    throw new Error(`reshape: expected the ${elementCount(tensor.shape)} elements of [${tensor.shape.join(', ')}], got [${shape.join(', ')}].`)
  }
  return { ...tensor, shape }
}

/** The size of dimension `axis` (negative axes count from the end); throws when there is none. */
export function dim(tensor: Tensor, axis: number): number {
  const size = tensor.shape.at(axis)
  if (size === undefined) throw new Error(`dim: [${tensor.shape.join(', ')}] has no axis ${axis}.`)
  return size
}
