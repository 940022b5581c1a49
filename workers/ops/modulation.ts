import { dim, elementCount, type Tensor } from '../engine/tensor'

/** One of S rows of a modulation table, chosen per token: value(token) = table[rowOf[token], slot, :] */
export interface Modulation {
  /** f32 [U, S, D] */
  table: Tensor
  /** u32 [tokens] */
  rowOf: Tensor
  slot: number
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
