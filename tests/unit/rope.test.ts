import { expect, test } from 'vitest'
import { coordinateFractions, gridFractions, ropeAngles, type RopeAngles } from '../../workers/models/ltx/rope'

const [FRAMES, HEIGHT, WIDTH] = [13, 3, 4]
/** seconds and pixels from one latent to the next, which f32 does not hold exactly */
const SCALE = [8 / 25, 32.1, 32.1] as const
const GRID = { frames: FRAMES, height: HEIGHT, width: WIDTH, scale: SCALE, patch: 1, patchTime: 1 }

/** The coordinates of the grid's tokens as a tensor of f32 has them: f32 [1, 3, N]. */
function coordinates(): Float32Array {
  const count = FRAMES * HEIGHT * WIDTH
  const values = new Float32Array(3 * count)
  const scale = Float32Array.from(SCALE)
  for (let token = 0; token < count; token++) {
    const place = [Math.floor(token / (WIDTH * HEIGHT)), Math.floor(token / WIDTH) % HEIGHT, token % WIDTH]
    place.forEach((index, axis) => (values[axis * count + token] = index * scale[axis]!))
  }
  return values
}

const tables = ({ cos, sin }: RopeAngles) => [[...cos], [...sin]]

test.each([2, 4, 6, 8, 10, 16, 50, 64, 320, 512, 640, 1024, 2048, 4096])('width %d: tables by grid are those by coordinates, and are finite', (width) => {
  const byGrid = ropeAngles(gridFractions(GRID), width)
  expect(tables(byGrid)).toEqual(tables(ropeAngles(coordinateFractions(coordinates(), 1), width)))
  expect(byGrid.cos).toHaveLength((FRAMES * HEIGHT * WIDTH * width) / 2)
  expect([...byGrid.cos, ...byGrid.sin].every((value) => Math.abs(value) <= 1)).toBe(true)
})

test('without a scale the indices are the fractions', () => {
  const { scale: _, ...grid } = GRID
  expect([...gridFractions(grid)].slice(-3)).toEqual([FRAMES - 1, HEIGHT - 1, WIDTH - 1])
})

test('pairs that are left over where a sixth of the width is not whole do not turn', () => {
  for (const [width, still] of [
    [2, 1],
    [4, 2],
    [10, 2],
    [512, 1],
  ] as const) {
    const { cos, sin } = ropeAngles(gridFractions(GRID), width)
    for (let position = 0; position < FRAMES; position++) {
      const start = (position * width) / 2
      expect([...cos.subarray(start, start + still)]).toEqual(Array(still).fill(1))
      expect([...sin.subarray(start, start + still)]).toEqual(Array(still).fill(0))
    }
  }
})
