// T5's relative position bias: what attention's score gets added, by head and by the distance from query to key. Near distances
// have a bucket of their own, farther ones share buckets that widen with the logarithm.
// Raffel et al. 2020, §2.1; transformers' T5Attention._relative_position_bucket and compute_bias, bidirectional.

/** How distances fall into buckets. */
export interface PositionBuckets {
  /** `relative_attention_num_buckets`: half of them for keys at or before the query, half for keys after it */
  buckets: number
  /** `relative_attention_max_distance`, tokens: from here on all distances share the last bucket */
  maxDistance: number
}

/**
 * The bucket of a key `distance` = key − query tokens away. With half = buckets / 2 and exact = half / 2, both rounded down:
 * |distance| < exact: |distance|; else min(half − 1, exact + ⌊ln(|distance| / exact) / ln(maxDistance / exact) · (half − exact)⌋);
 * plus half when the key comes after the query. Rounded to f32 where the reference rounds.
 */
export function positionBucket(distance: number, { buckets, maxDistance }: PositionBuckets): number {
  const half = Math.floor(buckets / 2)
  const exact = Math.floor(half / 2)
  const side = distance > 0 ? half : 0
  const length = Math.abs(distance)
  if (length < exact) return side + length
  const share = Math.fround(Math.fround(Math.log(Math.fround(length / exact))) / Math.fround(Math.log(maxDistance / exact)))
  return side + Math.min(half - 1, exact + Math.floor(Math.fround(share * (half - exact))))
}

/**
 * The bias of every distance within a prompt of L tokens: [H, 2·L − 1], the distance key − query at key − query + L − 1.
 * @param table `relative_attention_bias.weight`, [buckets, H]
 */
export function distanceBias(table: Float32Array, heads: number, tokens: number, o: PositionBuckets): Float32Array<ArrayBuffer> {
  const distances = 2 * tokens - 1
  const bias = new Float32Array(heads * distances)
  for (let at = 0; at < distances; at++) {
    const row = positionBucket(at - (tokens - 1), o) * heads
    for (let head = 0; head < heads; head++) bias[head * distances + at] = table[row + head] as number
  }
  return bias
}
