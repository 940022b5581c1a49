// A row of the table: our side and the peer's side of some work, and its calculated cost.
import type { Gpu } from '../../workers/engine/device'
import type { FloatDType } from '../../workers/engine/tensor'
import type { WeightFormat } from '../../workers/ops/linear'
import type { OurSide } from './ours'
import type { PeerFormat } from './peer'

export interface Row {
  /** unique; `--only` searches it */
  name: string
  /** for people: sizes in the glossary's letters */
  shape: string
  /** of activations */
  dtype: FloatDType
  /** of weights, if any */
  weights?: WeightFormat
  /** floating-point operations of one repetition, a multiply-add counts as two */
  flops: number
  /** minimum of bytes that one repetition reads and writes */
  bytes: number
  /** wanted minimum of the peer's time / ours, by kind of adapter */
  goal?: { gpu: number; software: number }
  /** wanted maximum of the share of a whole step spent in JavaScript, by kind of adapter; without it the share is only reported */
  hostGoal?: { gpu: number }
  /** for one of several rows that differ in nothing else: cost by tokens or layers */
  grows?: Growth
  ours(gpu: Gpu): Promise<OurSide>
  /** the peer's implementations: the fastest counts */
  peers(gpu: Gpu): Promise<PeerFormat[]> | PeerFormat[]
  /** maximum of √(Σ(ours − peer)²) / √(Σpeer²) of the values that both read back */
  tolerance: number
}

/** Number of tokens or layers: attention is quadratic in its tokens, a step linear in its layers. */
export interface Growth {
  with: 'tokens' | 'layers'
  count: number
}

/** Bytes of an element. */
export function sizeOf(dtype: FloatDType): number {
  return dtype === 'f16' ? 2 : 4
}

/** Tolerated difference by rounding. */
export const TOLERANCE: Record<FloatDType, number> = { f32: 1e-3, f16: 2e-2 }

/** Bytes per weight, including its share of the scales. */
export const WEIGHT_BYTES: Record<WeightFormat, number> = { f32: 4, f16: 2, i8: 1, i4: 0.5 + 2 / 32 }

/** Precision of a row, for people. */
export function precisionOf({ dtype, weights }: Pick<Row, 'dtype' | 'weights'>): string {
  return weights && weights !== dtype ? `${dtype}, ${weights} weights` : dtype
}
