import { expect, test } from 'vitest'
import { withScope } from '../../workers/engine/scope'
import { blendTile } from '../../workers/ops/blend-tile'
import { blendWeight, splitAxis, type Span } from '../../workers/models/tile-plan'
import { testGpu } from './open-gpu'
import { randomValues } from './reference'

const size = ({ from, to }: Span) => to - from

test.each([
  { height: 9, width: 13, rows: 2, columns: 3, overlap: 3, margin: 0 },
  { height: 11, width: 17, rows: 2, columns: 3, overlap: 3, margin: 1 },
  { height: 5, width: 8, rows: 1, columns: 2, overlap: 1, margin: 0 },
  { height: 6, width: 4, rows: 3, columns: 2, overlap: 0, margin: 0 },
])(
  '$rows × $columns tiles of $height × $width, $overlap shared, margin $margin: blends tiles by their weights',
  async ({ height, width, rows, columns, overlap, margin }) => {
    const gpu = await testGpu()
    const [frames, channels] = [2, 3]
    const tiles = splitAxis(height, rows, overlap, margin).flatMap((y) => splitAxis(width, columns, overlap, margin).map((x) => ({ y, x })))
    const values = tiles.map(({ y, x }, index) => randomValues(index, frames * size(y) * size(x) * channels))
    const expected = new Float64Array(frames * height * width * channels)
    tiles.forEach(({ y, x }, index) => {
      let at = 0
      for (let frame = 0; frame < frames; frame++)
        for (let row = 0; row < size(y); row++)
          for (let column = 0; column < size(x); column++)
            for (let c = 0; c < channels; c++) {
              const to = ((frame * height + y.from + row) * width + x.from + column) * channels + c
              expected[to] = (expected[to] as number) + blendWeight(y, row) * blendWeight(x, column) * (values[index]?.[at++] as number)
            }
    })
    await withScope(gpu, async (scope) => {
      const image = scope.alloc([frames, height, width, channels]) // full of NaN
      tiles.forEach(({ y, x }, index) =>
        blendTile(scope, image, scope.upload(values[index] as Float32Array, [frames, size(y), size(x), channels], 'f32'), y, x),
      )
      const result = await gpu.read(image)
      expect(Math.max(...result.map((value, index) => Math.abs(value - (expected[index] as number))))).toBeLessThan(1e-6)
    })
    expect(gpu.pool.liveBuffers).toBe(0)
  },
)

test('rejects a tile that does not fit', async () => {
  const gpu = await testGpu()
  await withScope(gpu, async (scope) => {
    const image = scope.alloc([1, 4, 4, 3])
    const place = { from: 0, lead: 0, trail: 0, margin: 0 }
    const blend =
      (shape: readonly number[], y = place, x = place) =>
      () =>
        blendTile(scope, image, scope.alloc(shape), y, x)
    expect(blend([1, 2, 2, 3], { ...place, from: 3 })).toThrow(/does not fit/)
    expect(blend([2, 2, 2, 3])).toThrow(/does not fit/)
    expect(blend([1, 2, 2, 1])).toThrow(/does not fit/)
    expect(blend([1, 2, 2, 3], { ...place, lead: 2, trail: 1 })).toThrow(/does not fit/)
    expect(blend([1, 4, 4, 3], place, { ...place, lead: 2, margin: 1 })).toThrow(/does not fit/)
  })
})
