import { describe, expect, it } from 'vitest'
import { distanceBias, positionBucket } from '../../workers/models/t5/relative-position'

const T5 = { buckets: 32, maxDistance: 128 }

describe('positionBucket', () => {
  // where transformers' _relative_position_bucket begins a new bucket, for keys before the query
  it.each([
    [T5, [0, 1, 2, 3, 4, 5, 6, 7, 8, 12, 16, 23, 32, 46, 64, 91]],
    [{ buckets: 20, maxDistance: 9 }, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]],
    [{ buckets: 8, maxDistance: 16 }, [0, 1, 2, 6]],
  ])('begins new buckets at the distances of the reference, %o', (sizes, starts) => {
    for (let length = 0; length < 1200; length++) {
      const bucket = starts.findLastIndex((start) => start <= length)
      expect(positionBucket(-length, sizes), `${length} before`).toBe(bucket)
      if (length > 0) expect(positionBucket(length, sizes), `${length} after`).toBe(sizes.buckets / 2 + bucket)
    }
  })
})

describe('distanceBias', () => {
  it('has one value per head and distance, the farthest key before the query first', () => {
    const table = Float32Array.from({ length: 32 * 2 }, (_, i) => i) // row r: [2r, 2r + 1]
    expect([...distanceBias(table, 2, 3, T5)]).toEqual([4, 2, 0, 34, 36, 5, 3, 1, 35, 37])
  })

  it('is the first row for a single token', () => {
    expect([
      ...distanceBias(
        Float32Array.from({ length: 96 }, (_, i) => i),
        3,
        1,
        T5,
      ),
    ]).toEqual([0, 1, 2])
  })
})
