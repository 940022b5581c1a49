import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseManifest } from '../../src/shared/model'
import { truncatedRequest, leadsToNext, planOf, overlapFrames, shownFrames, chunkFrames, type Piece, type ChunkPiece } from '../../src/shared/plan'
import type { ClipPart, GenerateRequest } from '../../src/shared/request'
import starter from '../../public/models/starter/kinora.json'

const model = parseManifest(starter, 'kinora.json')
const T = model.latent.scaleTime
const OVERLAP = overlapFrames(model)
const LONGEST = chunkFrames(model)
const clip = (id: string): ClipPart => ({ source: { kind: 'clip', id } })
const request = (changes: Partial<GenerateRequest>): GenerateRequest => ({
  model: 'starter',
  prompt: 'a red sky',
  width: 128,
  height: 128,
  frames: 17,
  fps: 8,
  steps: 8,
  guidance: 3,
  seed: 7,
  ...changes,
})
const plan = (changes: Partial<GenerateRequest>): Piece[] => planOf(request(changes), model)
const chunksOf = (pieces: Piece[]): ChunkPiece[] => pieces.filter((piece) => piece.kind === 'chunk')
/** Number of new frames that are shown. */
const newFrames = (pieces: Piece[]): number => chunksOf(pieces).reduce((sum, piece) => sum + shownFrames(piece), 0)

describe('a plan', () => {
  it('is one chunk for a short clip', () => {
    const conditions = [{ source: { kind: 'image', id: 'a' }, atFrame: 0, strength: 1 } as const]
    expect(plan({ conditions })).toEqual([
      { kind: 'chunk', prompt: 'a red sky', seed: 7, frames: 17, conditions, context: [], skipFirst: 0, skipLast: 0, dissolve: 0 },
    ])
  })

  it('continues from a clip, which is shown first', () => {
    const pieces = plan({ prefix: clip('a'), frames: 17 })
    expect(pieces.map(({ kind }) => kind)).toEqual(['media', 'chunk'])
    expect(chunksOf(pieces)[0]).toMatchObject({
      frames: 16 + OVERLAP,
      context: [{ at: 'start', frames: OVERLAP, of: 'last-shown' }],
      skipFirst: OVERLAP,
      skipLast: 0,
    })
    expect(newFrames(pieces)).toBe(16)
  })

  it('leads to a clip, which is shown last', () => {
    const pieces = plan({ suffix: clip('b'), frames: 17 })
    expect(pieces.map(({ kind }) => kind)).toEqual(['chunk', 'media'])
    expect(chunksOf(pieces)[0]).toMatchObject({ frames: 16 + OVERLAP, context: [{ at: 'end', frames: OVERLAP, of: clip('b') }], skipLast: OVERLAP })
    expect(newFrames(pieces)).toBe(16)
  })

  it('leads to a clip over several chunks backwards, with the shortest chunk shown first', () => {
    const newPerChunk = LONGEST - OVERLAP
    const pieces = plan({ suffix: clip('b'), frames: 2 * newPerChunk + T + 1 })
    expect(pieces.map(({ kind }) => kind)).toEqual(['chunk', 'chunk', 'chunk', 'media'])
    expect(chunksOf(pieces).map(({ frames }) => frames)).toEqual([T + OVERLAP, LONGEST, LONGEST])
    expect(chunksOf(pieces).map(({ context }) => context)).toEqual([
      [{ at: 'end', frames: OVERLAP, of: 'next-chunk' }],
      [{ at: 'end', frames: OVERLAP, of: 'next-chunk' }],
      [{ at: 'end', frames: OVERLAP, of: clip('b') }],
    ])
    expect(chunksOf(pieces).map(({ seed }) => seed)).toEqual([9, 8, 7])
    expect(pieces.map(leadsToNext)).toEqual([true, true, false, false])
    // a longer plan ends in the same chunks
    expect(plan({ suffix: clip('b'), frames: 3 * newPerChunk + 1 }).slice(-3)).toEqual(pieces.slice(-3))
  })

  it('fills the gap between two clips', () => {
    const pieces = plan({ prefix: clip('a'), suffix: clip('b'), frames: 9 })
    expect(pieces.map(({ kind }) => kind)).toEqual(['media', 'chunk', 'media'])
    expect(newFrames(pieces)).toBe(7)
  })

  it('leads a loop back to the frames that are shown first', () => {
    expect(chunksOf(plan({ prefix: clip('a'), loop: true, frames: 9 }))).toMatchObject([{ context: [{ of: 'last-shown' }, { at: 'end', of: 'first-shown' }] }])
    const own = plan({ loop: true, frames: 17 })
    expect(chunksOf(own)).toMatchObject([{ context: [], frames: 17 }, { context: [{ of: 'last-shown' }, { of: 'first-shown' }] }])
  })

  it('starts each chunk of a remix at its own frames of the clip, and stretches a clip if requested', () => {
    const start = { ...clip('a'), strength: 0.5 }
    expect(chunksOf(plan({ initVideo: start }))[0]?.initVideo).toEqual({ part: clip('a'), fromFrame: 0, strength: 0.5 })
    const long = chunksOf(plan({ initVideo: { ...start, stretch: true }, frames: 65 }))
    expect(long.length).toBeGreaterThan(1)
    expect(long.every((piece) => piece.initVideo?.stretchedTo === 65)).toBe(true)
    const last = long.at(-1)!
    expect(last.initVideo!.fromFrame + last.frames).toBe(65)
  })

  it('gives each chunk of a long clip noise of its own and the frames before it', () => {
    const pieces = chunksOf(plan({ frames: 481 }))
    expect(newFrames(pieces)).toBe(481)
    expect(new Set(pieces.map(({ seed }) => seed)).size).toBe(pieces.length)
    expect(pieces.slice(1).every(({ context }) => context[0]?.of === 'last-shown')).toBe(true)
    expect(chunksOf(plan({ frames: 481, sameSeed: true })).every(({ seed }) => seed === 7)).toBe(true)
  })

  it('puts an image into the chunk of its frame', () => {
    const at = 60
    const pieces = chunksOf(plan({ frames: 97, conditions: [{ source: { kind: 'image', id: 'a' }, atFrame: at, strength: 1 }] }))
    const [withImage] = pieces.filter(({ conditions }) => conditions.length > 0)
    const before = pieces.slice(0, pieces.indexOf(withImage!)).reduce((sum, piece) => sum + shownFrames(piece), 0)
    expect(before - withImage!.skipFirst + withImage!.conditions[0]!.atFrame).toBe(at)
  })

  it('cuts, dissolves and continues between shots, and appends the shared prompt to each', () => {
    const shots = [
      { prompt: 'a car', frames: 17, join: 'cut' },
      { prompt: 'a boat', frames: 17, join: 'dissolve' },
      { prompt: '', frames: 17, join: 'continue' },
    ] as const
    const pieces = chunksOf(plan({ shots: [...shots] }))
    expect(pieces.map(({ prompt }) => prompt)).toEqual(['a car, a red sky', 'a boat, a red sky', 'a red sky'])
    expect(pieces.map(({ dissolve }) => dissolve)).toEqual([0, 4, 0])
    expect(pieces.map(({ context }) => context.length)).toEqual([0, 0, 1])
    expect(newFrames(pieces)).toBe(17 + 17 + 16)
  })

  it('shows every requested frame, in chunks of at most the trained length', () => {
    const groups = fc.integer({ min: 1, max: 120 })
    const longest = fc.constantFrom(LONGEST, ...[1, 2, 3, 4, 5, 6, 20].map((count) => T * count + 1))
    fc.assert(
      fc.property(groups, fc.boolean(), fc.constantFrom('suffix', 'loop', 'nothing'), longest, (count, before, end, most) => {
        const frames = T * count + 1
        const plan = (changes: Partial<GenerateRequest>) => planOf(request(changes), { ...model, frames: { ...model.frames, allowed: [most] } })
        const pieces = chunksOf(
          plan({
            frames,
            ...(before && { prefix: clip('a') }),
            ...(end === 'suffix' && { suffix: clip('b') }),
            ...(end === 'loop' && before && { loop: true }),
          }),
        )
        const ends = end === 'suffix' || (end === 'loop' && before)
        expect(newFrames(pieces)).toBe(frames - Number(before) - Number(ends))
        for (const piece of pieces) {
          expect(piece.frames % T).toBe(1)
          expect(piece.frames).toBeLessThanOrEqual(most)
          expect(shownFrames(piece)).toBeGreaterThan(0)
          // context frames at the end begin on a whole latent
          expect((piece.frames - piece.skipLast) % T).toBe(piece.skipLast ? 0 : 1)
        }
        // no two chunks depend on each other, and the last leads to no chunk
        for (const [index, piece] of pieces.entries()) {
          const next = pieces[index + 1]
          if (leadsToNext(piece)) expect(next?.context.every(({ of }) => of !== 'last-shown')).toBe(true)
          else if (next) expect(next.context[0]?.of).toBe('last-shown')
        }
      }),
    )
  })

  it('of a clip that was stopped early has the generated pieces', () => {
    const groups = fc.integer({ min: 1, max: 60 })
    const mode = fc.constantFrom('text', 'prefix', 'suffix', 'between', 'loop', 'shots')
    const joins = fc.array(fc.tuple(fc.constantFrom('cut', 'dissolve', 'continue'), fc.integer({ min: 2, max: 20 })), { minLength: 1, maxLength: 4 })
    fc.assert(
      fc.property(groups, mode, joins, fc.nat(), fc.array(fc.nat(), { maxLength: 3 }), (groupsOfAll, kind, shots, at, imageFrames) => {
        const whole = request({
          frames: T * groupsOfAll + 1,
          ...((kind === 'prefix' || kind === 'between') && { prefix: clip('a') }),
          ...((kind === 'suffix' || kind === 'between') && { suffix: clip('b') }),
          ...(kind === 'loop' && { loop: true }),
          conditions: imageFrames.map((frame) => ({ source: { kind: 'image', id: 'p' }, atFrame: frame % (T * groupsOfAll + 1), strength: 1 })),
          ...(kind === 'shots' && { shots: shots.map(([join, groupsOfShot], index) => ({ prompt: `shot ${index}`, frames: T * groupsOfShot + 1, join })) }),
        })
        const pieces = planOf(whole, model)
        const first = pieces.findIndex((piece) => piece.kind === 'chunk') + 1
        const last = pieces.findLastIndex((piece) => piece.kind === 'chunk')
        const backwards = leadsToNext(pieces[0])
        // backwards, the suffix clip is one of the pieces
        const count = first > last ? pieces.length : first + Number(backwards) + (at % (last + 1 - first))
        expect(planOf(truncatedRequest(whole, pieces, count), model)).toEqual(backwards ? pieces.slice(-count) : pieces.slice(0, count))
      }),
    )
  })
})
