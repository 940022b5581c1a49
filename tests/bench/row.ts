// A row of the table: some work, ours and the peer's, and what it costs by count.
import type { Gpu } from '../../workers/engine/device'
import type { FloatDType } from '../../workers/engine/tensor'
import type { WeightFormat } from '../../workers/ops/linear'
import type { OurSide } from './ours'
import type { PeerFormat } from './peer'

export interface Row {
  /** unique, and what `--only` looks in */
  name: string
  /** for people: sizes by the glossary's letters */
  shape: string
  /** of activations */
  dtype: FloatDType
  /** of weights, where there are any */
  weights?: WeightFormat
  /** floating-point operations of one repetition, a multiplication and its addition counting as two */
  flops: number
  /** bytes that one repetition has to read and write at least */
  bytes: number
  /** the least ratio of the peer's time to ours that is wanted, by kind of adapter */
  goal?: { gpu: number; software: number }
  /** the largest share of its time that a whole step may be in JavaScript, by kind of adapter; where there is none it is only said */
  hostGoal?: { gpu: number }
  /** one of several rows that differ in nothing else: cost against tokens or layers */
  grows?: Growth
  ours(gpu: Gpu): Promise<OurSide>
  /** the peer's forms of it: the fastest counts */
  peers(gpu: Gpu): Promise<PeerFormat[]> | PeerFormat[]
  /** √(Σ(ours − peer)²) / √(Σpeer²) of what both read back is not to be over this */
  tolerance: number
}

/** How many, of what: attention costs the square of its tokens, a step is as long as it has layers. */
export interface Growth {
  with: 'tokens' | 'layers'
  count: number
}

/** Bytes of an element. */
export function sizeOf(dtype: FloatDType): number {
  return dtype === 'f16' ? 2 : 4
}

/** How both sides may differ: they round differently. */
export const TOLERANCE: Record<FloatDType, number> = { f32: 1e-3, f16: 2e-2 }

/** Bytes of a weight, its share of the scales included. */
export const WEIGHT_BYTES: Record<WeightFormat, number> = { f32: 4, f16: 2, i8: 1, i4: 0.5 + 2 / 32 }

/** What a row computes in, for people. */
export function precisionOf({ dtype, weights }: Pick<Row, 'dtype' | 'weights'>): string {
  return weights && weights !== dtype ? `${dtype}, ${weights} weights` : dtype
}
