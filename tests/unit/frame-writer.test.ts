import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseManifest } from '../../src/shared/model'
import { planOf, shownFrames } from '../../src/shared/plan'
import { JOINS } from '../../src/shared/request'
import { FrameWriter } from '../../workers/pipeline/frame-writer'
import { RGBA_FORMAT } from '../../workers/pipeline/frame-format'
import type { ClipSink } from '../../workers/pipeline/clip-sink'
import starter from '../../public/models/starter/kinora.json'

const model = parseManifest(starter, 'kinora.json')
const { signal } = new AbortController()
/** A frame of one pixel. */
const frame = (value: number) => Uint8ClampedArray.of(value, value, value, 255)

/** A writer, and the brightness of each frame in its file. */
function writerOf(keep: number) {
  const file: number[] = []
  const sink: ClipSink = {
    format: RGBA_FORMAT,
    add: (rgba) => Promise.resolve(void file.push(rgba[0]!)),
    finish: () => Promise.reject(new Error('not expected')),
    abort: () => Promise.resolve(),
  }
  return { writer: new FrameWriter(sink, keep), file }
}

describe('a writer', () => {
  it('dissolves from the end of a piece into the next one', async () => {
    const { writer, file } = writerOf(2)
    writer.begin(0, 3)
    for (let index = 0; index < 5; index++) await writer.add(signal, frame(0))
    writer.begin(3, 0)
    for (let index = 0; index < 5; index++) await writer.add(signal, frame(200))
    await writer.end(signal)
    expect(file).toEqual([0, 0, 50, 100, 150, 200, 200])
    expect(writer.written).toBe(7)
  })

  it('returns its first and last frames', async () => {
    const { writer } = writerOf(3)
    writer.begin(0, 0)
    for (const value of [10, 20, 30, 40]) await writer.add(signal, frame(value))
    expect([...writer.firstShown(3)].filter((_, at) => at % 4 === 0)).toEqual([10, 20, 30])
    expect([...writer.lastShown(3)].filter((_, at) => at % 4 === 0)).toEqual([20, 30, 40])
  })

  it('repeats the oldest or the newest frame if fewer were shown', async () => {
    const { writer } = writerOf(3)
    writer.begin(0, 0)
    for (const value of [10, 20]) await writer.add(signal, frame(value))
    expect([...writer.lastShown(3)].filter((_, at) => at % 4 === 0)).toEqual([10, 10, 20])
    expect([...writer.firstShown(3)].filter((_, at) => at % 4 === 0)).toEqual([10, 20, 20])
  })

  it('hashes the frames of its file one by one', async () => {
    const sha256 = (...parts: Uint8Array[]) => parts.reduce((hash, part) => hash.update(part), createHash('sha256')).digest()
    const { writer } = writerOf(1)
    writer.begin(0, 2)
    for (const value of [10, 20, 30]) await writer.add(signal, frame(value))
    writer.begin(2, 0)
    for (const value of [50, 60, 70]) await writer.add(signal, frame(value))
    await writer.end(signal)
    const shown = [10, 20 + 30 / 3, 30 + (2 * 30) / 3, 70]
    expect(writer.hex()).toBe(sha256(...shown.map((value) => sha256(Uint8Array.of(value, value, value, 255)))).toString('hex'))
  })

  it('writes the planned number of frames of a storyboard, for every join of its shots', async () => {
    const shot = fc.record({ prompt: fc.constant('a'), frames: fc.integer({ min: 2, max: 20 }).map((count) => 4 * count + 1), join: fc.constantFrom(...JOINS) })
    await fc.assert(
      fc.asyncProperty(fc.array(shot, { minLength: 1, maxLength: 6 }), fc.constantFrom(6, 8, 12, 24), async (shots, fps) => {
        const plan = planOf({ model: 'starter', prompt: '', width: 128, height: 128, frames: 17, fps, steps: 2, guidance: 1, seed: 1, shots }, model)
        const { writer, file } = writerOf(9)
        let expected = 0
        for (const [index, piece] of plan.entries()) {
          if (piece.kind === 'media') throw new Error('expected only chunks in a storyboard')
          writer.begin(piece.dissolve, plan[index + 1]?.dissolve ?? 0)
          for (let shown = 0; shown < shownFrames(piece); shown++) await writer.add(signal, frame(shown))
          expected += shownFrames(piece) - piece.dissolve
        }
        await writer.end(signal)
        expect(file).toHaveLength(expected)
      }),
    )
  })
})
