import { describe, expect, it } from 'vitest'
import { resultTables, type SavedCache, type SavedModes } from '../evaluate/results'

const CONDITIONS = {
  date: '2026-11-29T10:00:00.000Z',
  adapter: 'some GPU',
  precision: 'f16',
  model: 'Kinora Starter 2',
  width: 128,
  height: 128,
  frames: 17,
  guidance: 5,
}

describe('saved results of the evaluation', () => {
  it('are tables with a row for each figure of a mode', () => {
    const modes: SavedModes = {
      ...CONDITIONS,
      steps: 10,
      modes: [{ mode: 'extend', figure: 'seam / source', least: 0.5, most: 1.5, values: [0.84, 1.6, 1.2], met: 2 }],
    }
    const [title, line, table] = resultTables(modes, undefined)
    expect(title).toBe('## Modes')
    expect(line).toContain('2026-11-29; some GPU, f16; Kinora Starter 2, 128 × 128, 17 frames, guidance 5, 10 steps.')
    expect(table?.split('\n').at(-1)).toBe('| extend | seam / source | 0.5–1.5 | 1.20 | 0.84–1.60 | 2 of 3 |')
  })

  it('show a figure that no prompt requested as not measured', () => {
    const modes: SavedModes = { ...CONDITIONS, steps: 10, modes: [{ mode: 'image', figure: 'its subject', least: 1, most: 1, values: [], met: 0 }] }
    expect(resultTables(modes, undefined)[2]?.split('\n').at(-1)).toBe('| image | its subject | 1 | – | – | – |')
  })

  it('have the rows of the first-block cache', () => {
    const cache: SavedCache = {
      ...CONDITIONS,
      prompts: 4,
      rows: [{ steps: 10, threshold: 0.1, skipped: 0.25, time: 0.9, latents: 0.09, db: 39, leastDb: 37.2, read: 0.88 }],
    }
    expect(resultTables(undefined, cache).at(-1)?.split('\n').at(-1)).toBe('| 10 | 0.1 | 25 % | 90 % | 9 % | 39.0, 37.2 dB | 88 % |')
  })
})
