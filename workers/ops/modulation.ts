import code from '../../shaders/modulation.wgsl?raw'
import { u32 } from '../engine/command-queue'
import type { Scope } from '../engine/scope'
import { dim, elementCount, type Tensor } from '../engine/tensor'
import { dispatchElements } from './dispatch-groups'

/** Consecutive elements of an invocation. */
const PER_INVOCATION = 4
/** Of one element, in the submit budget's operations. */
const FLOPS = 10

/** One of S rows of a modulation table, chosen per token: value(token) = table[rowOf[token], slot, :] */
export interface Modulation {
  /** f32 [U, S, D] */
  table: Tensor
  /** u32 [tokens] */
  rowOf: Tensor
  slot: number
}

/** Two of the S rows of a modulation table, chosen per token. */
export interface ScaleShift extends Omit<Modulation, 'slot'> {
  /** slot of the factor minus one */
  scale: number
  /** slot of the summand */
  shift: number
}

/**
 * The modulation of some layers, f32 [U, layers, P]: values of the timesteps plus each layer's own table.
 * @param values f32 [U, P]
 * @param tables f32 [layers of the model, P]; layers first … first + layers − 1 are used
 */
export function modulationTables(scope: Scope, values: Tensor, tables: Tensor, first = 0, layers = dim(tables, 0) - first): Tensor {
  const period = dim(values, -1)
  const fits = values.dtype === 'f32' && tables.dtype === 'f32' && tables.shape.length === 2 && dim(tables, 1) === period
  if (!fits || values.shape.length !== 2 || first < 0 || layers < 1 || first + layers > dim(tables, 0)) {
    throw new Error(
      `modulation: expected values f32 [U, ${period}] and ${layers} layers from ${first} on of tables f32, got ${values.dtype} [${values.shape.join(', ')}] and ${tables.dtype} [${tables.shape.join(', ')}].`,
    )
  }
  const y = scope.alloc([dim(values, 0), layers, period], 'f32')
  dispatchElements(scope.gpu, {
    source: { name: 'modulation', code },
    tensors: [values, tables, y],
    uniforms: [period, layers * period, first * period].map(u32),
    count: elementCount(y.shape),
    perInvocation: PER_INVOCATION,
    flops: FLOPS,
  })
  return y
}

/** Throws unless the modulation, if there is one, fits `tokens` rows of `size` channels. `op` and `name` are for the message. */
export function expectModulation(op: string, name: string, modulation: Modulation | undefined, tokens: number, size: number): void {
  if (!modulation) return
  const { table, rowOf, slot } = modulation
  if (table.dtype !== 'f32' || table.shape.length !== 3 || dim(table, 2) !== size || slot >= dim(table, 1)) {
    throw new Error(`${op}: expected ${name} table f32 [U, > ${slot}, ${size}], got ${table.dtype} [${table.shape.join(', ')}].`)
  }
  if (rowOf.dtype !== 'u32' || elementCount(rowOf.shape) !== tokens) {
    throw new Error(`${op}: expected ${name} rowOf u32 [${tokens}], got ${rowOf.dtype} [${rowOf.shape.join(', ')}].`)
  }
}
