import { describe, expect, it } from 'vitest'
import { channelsFirst, channelsLast, firstFrameOf } from '../../workers/models/latent-grid'
import { videoCoordinates, type RopePositions } from '../../workers/models/ltx/positions'

const grid = { channels: 1, frames: 3, height: 1, width: 2 }
const starter: RopePositions = { unit: 'latents', timeScale: 0.5, spaceScale: 16, scaleTime: 4, fps: 8 }
const ltx: RopePositions = { unit: 'seconds', timeScale: 1, spaceScale: 32, scaleTime: 8, fps: 25 }

describe('videoCoordinates', () => {
  it('counts latents for the starter, with fractions for frames between them', () => {
    // pixel frame f is at (f + 3) / 4 latents, and frame 0 at 0
    expect([...videoCoordinates(grid, starter, [6, 5, -4])]).toEqual([
      ...[0, 0, 0.5, 0.5, 1, 1, 9 / 8, 9 / 8, 1, 1, -0.125, -0.125],
      ...Array<number>(12).fill(0),
      ...Array.from({ length: 12 }, (_, i) => (i % 2) * 16),
    ])
  })

  it("counts seconds of the latents' first frames for LTX-Video", () => {
    const [times, rows] = [videoCoordinates(grid, ltx, [24]).slice(0, 8), videoCoordinates({ ...grid, height: 2, width: 1 }, ltx).slice(6, 12)]
    expect([...times]).toEqual([0, 0, 1, 1, 9, 9, 24, 24].map((frame) => Math.fround(frame * Math.fround(1 / 25))))
    expect([...rows]).toEqual([0, 32, 0, 32, 0, 32])
  })
})

it('firstFrameOf returns the single first frame, then whole groups', () => {
  expect([0, 1, 2, 3].map((index) => firstFrameOf(index, 8))).toEqual([0, 1, 9, 17])
})

it('channelsLast and channelsFirst are inverse', () => {
  const latent = Float32Array.of(1, 2, 3, 10, 20, 30)
  expect([...channelsLast(latent, 2)]).toEqual([1, 10, 2, 20, 3, 30])
  expect(channelsFirst(channelsLast(latent, 2), 2)).toEqual(latent)
})
