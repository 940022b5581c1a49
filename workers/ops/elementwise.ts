// Functions of one element, and of two.
import activation from '../../shaders/lib/activation.wgsl?raw'
import binaryCode from '../../shaders/elementwise_binary.wgsl?raw'
import unaryCode from '../../shaders/elementwise_unary.wgsl?raw'
import { u32 } from '../engine/command-queue'
import type { Scope } from '../engine/scope'
import { elementCount, type FloatDType, type Tensor } from '../engine/tensor'
import { dispatchElements } from './dispatch-groups'

/** Consecutive elements of an invocation; operations of one, for the submit budget. */
const COST = { perInvocation: 4, flops: 10 }

/** The kernel's OP of each function. */
const UNARY = { cast: 0, silu: 1, gelu: 2 } as const
const BINARY = { add: 0, affine: 1, multiply: 2, subtract: 3 } as const

/** x·sigmoid(x), in x's shape and dtype. */
export function silu(scope: Scope, x: Tensor): Tensor {
  return unary(scope, x, 'silu', x.dtype as FloatDType)
}

/** GELU (Hendrycks & Gimpel, 2016) in its tanh form, in x's shape and dtype. */
export function gelu(scope: Scope, x: Tensor): Tensor {
  return unary(scope, x, 'gelu', x.dtype as FloatDType)
}

/** The same values in another float type; f16 clamps at ±65 504. */
export function cast(scope: Scope, x: Tensor, dtype: FloatDType): Tensor {
  return unary(scope, x, 'cast', dtype)
}

/** a + b. b is f32 and has a's shape, or the shape of a's last dimensions, repeated over the leading ones. */
export function add(scope: Scope, a: Tensor, b: Tensor): Tensor {
  return binary(scope, a, b, 'add', elementCount(b.shape))
}

/** a − b; b as in add. */
export function subtract(scope: Scope, a: Tensor, b: Tensor): Tensor {
  return binary(scope, a, b, 'subtract', elementCount(b.shape))
}

/** a·b, element by element; b as in add. */
export function multiply(scope: Scope, a: Tensor, b: Tensor): Tensor {
  return binary(scope, a, b, 'multiply', elementCount(b.shape))
}

/** x·table[0, c] + table[1, c] for each channel c; x [..., C], table f32 [2, C]. */
export function affine(scope: Scope, x: Tensor, table: Tensor): Tensor {
  return binary(scope, x, table, 'affine', elementCount(table.shape) / 2)
}

function unary(scope: Scope, x: Tensor, op: keyof typeof UNARY, dtype: FloatDType): Tensor {
  const y = scope.alloc(x.shape, dtype)
  dispatchElements(scope.gpu, {
    source: { name: 'elementwise_unary', code: unaryCode, libs: [activation] },
    prelude: { elem_x: x.dtype, elem_y: dtype, OP: UNARY[op], OUT_F16: dtype === 'f16' },
    tensors: [x, y],
    count: elementCount(x.shape),
    ...COST,
  })
  return y
}

function binary(scope: Scope, a: Tensor, b: Tensor, op: keyof typeof BINARY, period: number): Tensor {
  if (b.dtype !== 'f32' || period === 0 || elementCount(a.shape) % period !== 0) {
    throw new Error(`${op}: expected f32 values that repeat evenly over [${a.shape.join(', ')}], got ${b.dtype} [${b.shape.join(', ')}].`)
  }
  const y = scope.alloc(a.shape, a.dtype)
  dispatchElements(scope.gpu, {
    source: { name: 'elementwise_binary', code: binaryCode },
    prelude: { elem: a.dtype, OP: BINARY[op], OUT_F16: a.dtype === 'f16' },
    tensors: [a, b, y],
    uniforms: [u32(period)],
    count: elementCount(a.shape),
    ...COST,
  })
  return y
}
