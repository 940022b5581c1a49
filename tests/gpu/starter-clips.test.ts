// The starter's clips, made by the page's pipeline on Dawn: the words decide, and what a request is made around stands in the clip.
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { MIDDLE, type GenerateRequest, type Shot } from '../../src/shared/request'
import type { Clip } from '../evaluate/clip'
import { median, psnr, stepBetween, stepsOf } from '../evaluate/clip-frames'
import { openEngine, type Engine } from '../evaluate/engine'
import { root } from '../../scripts/process.mjs'

const RED = 'a red sky at sunset'
const NIGHT = 'a starry night'
/** a guided clip of this size takes five seconds without a GPU: `npm run test:full` makes all sixteen */
const SEEDS = process.env['KINORA_FULL'] ? [1, 2, 3, 4, 5, 6, 7, 8] : [1, 2, 3]
const SMALL = { width: 64, height: 64 }

let opened: Promise<Engine> | undefined
const engine = () => (opened ??= openEngine(join(root, 'public/models/starter')))
afterAll(async () => (await opened)?.close())

const request = (changes: Partial<GenerateRequest>): GenerateRequest => ({
  model: 'starter',
  prompt: RED,
  width: 128,
  height: 128,
  frames: 9,
  fps: 8,
  steps: 2,
  guidance: 1,
  seed: 7,
  ...changes,
})

/** Frames without alpha, as a file has them: RGB u8 [height, width, 3] each. */
const rgb = ({ frames }: Clip) => frames.map((frame) => frame.filter((_, index) => index % 4 !== 3) as unknown as Uint8Array)

/** A clip, and its frames as RGB. */
async function make(changes: Partial<GenerateRequest>, given: Record<string, Clip> = {}): Promise<{ clip: Clip; frames: Uint8Array[] }> {
  const clip = await (await engine()).makeClip(request(changes), new Map(Object.entries(given)))
  return { clip, frames: rgb(clip) }
}

/** A picture of one color, or of one for each half. */
function picture({ width, height }: { width: number; height: number }, left: readonly number[], right = left): Clip {
  const rgba = new Uint8ClampedArray(width * height * 4)
  for (let at = 0; at < width * height; at++) rgba.set([...(at % width < width / 2 ? left : right), 255], 4 * at)
  return { width, height, frames: [rgba] }
}

const clipSource = (id: string) => ({ source: { kind: 'clip', id } as const })
const imageAt = (id: string, atFrame: number) => ({ source: { kind: 'image', id } as const, atFrame, strength: 1, crop: MIDDLE })

/** Mean of a channel over some columns of a frame, 0 to 255. */
function mean(frame: Uint8Array, { width, height }: { width: number; height: number }, channel: 0 | 1 | 2, from = 0, to = width, rows = height): number {
  let sum = 0
  for (let y = 0; y < rows; y++) for (let x = from; x < to; x++) sum += frame[3 * (y * width + x) + channel] as number
  return sum / ((to - from) * rows)
}

describe('the words and the seed decide', () => {
  test('the same request gives the same latents, on another device too; another seed, prompt or none gives others', async () => {
    const measure = async (changes: Partial<GenerateRequest> = {}, on = engine()) => [...(await (await on).measure(request({ ...SMALL, ...changes }))).latents]
    const first = await measure()
    expect(await measure()).toEqual(first)
    const other = openEngine(join(root, 'public/models/starter'))
    expect(await measure({}, other)).toEqual(first)
    await (await other).close()
    expect(await measure({ seed: 8 })).not.toEqual(first)
    const night = await measure({ prompt: NIGHT })
    const silent = await measure({ prompt: '' })
    expect(night).not.toEqual(first)
    expect(silent).not.toEqual(first)
    expect(silent).not.toEqual(night)
  })

  test('the upper third tells a red sky at sunset from a starry night, whatever the seed', async () => {
    const { guidance } = (await engine()).manifest
    const verdicts: string[] = []
    for (const seed of SEEDS) {
      for (const prompt of [RED, NIGHT]) {
        const { frames } = await make({ prompt, seed, steps: 4, guidance: guidance.default })
        const shown = [0, 4, 8].map((index) => frames[index]!)
        const of = (channel: 0 | 2) => shown.reduce((sum, frame) => sum + mean(frame, { width: 128, height: 128 }, channel, 0, 128, 42), 0) / shown.length
        const [red, blue] = [of(0), of(2)]
        // a sunset has more red than blue up there; a night never
        const looksLike = red > blue + 10 ? RED : NIGHT
        verdicts.push(`seed ${seed}, ${prompt}: ${looksLike === prompt ? 'right' : `wrong (red ${red.toFixed(0)}, blue ${blue.toFixed(0)})`}`)
      }
    }
    expect(verdicts.filter((verdict) => !verdict.endsWith('right'))).toEqual([])
    expect(verdicts).toHaveLength(2 * SEEDS.length)
  })
})

describe('what a clip is made around stands in it', () => {
  test('keyframes: it begins with the first and ends towards the last', async () => {
    const dusk = await make({ ...SMALL, steps: 4, prompt: 'a red balloon over mountains at sunset' })
    const dark = await make({ ...SMALL, steps: 4, prompt: 'a starry night over the ocean' })
    const last = { ...dark.clip, frames: dark.clip.frames.slice(8) }
    const { frames } = await make({ ...SMALL, steps: 4, conditions: [imageAt('dusk', 0), imageAt('dark', 8)] }, { dusk: dusk.clip, dark: last })
    expect(frames).toHaveLength(9)
    expect(psnr(frames[0]!, dusk.frames[0]!), 'it begins with the first').toBeGreaterThan(25)
    const towards = (frame: Uint8Array) => psnr(frame, dark.frames[8]!) - psnr(frame, dusk.frames[0]!)
    expect(towards(frames[8]!), 'it ends with the last').toBeGreaterThan(0)
  })

  test('extend, fill, blend and re-time', async () => {
    const source = await make({ ...SMALL, steps: 4, prompt: 'a red balloon rising over the sea in the daytime' })
    const given = { source: source.clip }
    const same = (frame: Uint8Array | undefined, index: number) => expect(psnr(frame!, source.frames[index]!)).toBeGreaterThan(28)

    const extended = await make({ ...SMALL, prefix: clipSource('source') }, given)
    expect(extended.frames).toHaveLength(9 + 8)
    for (const index of [0, 8]) same(extended.frames[index], index)
    expect(median(stepsOf(extended.frames.slice(8))), 'it moves on').toBeGreaterThan(0.1)

    const filled = await make({ ...SMALL, prefix: clipSource('source'), suffix: clipSource('source') }, given)
    expect(filled.frames).toHaveLength(9 + 7 + 9)
    same(filled.frames[0], 0)
    same(filled.frames.at(-9), 0)
    same(filled.frames.at(-1), 8)
    expect(median(stepsOf(filled.frames.slice(8, 17))), 'it moves in the gap').toBeGreaterThan(0.1)

    // as the form asks for a blend: the first half of one, the second half of the other
    const blended = await make(
      { ...SMALL, prefix: { ...clipSource('source'), toSeconds: 5 / 8 }, suffix: { ...clipSource('source'), fromSeconds: 5 / 8 } },
      given,
    )
    expect(blended.frames).toHaveLength(5 + 7 + 4)
    same(blended.frames[0], 0)
    same(blended.frames.at(-1), 8)

    const slow = await make({ ...SMALL, frames: 17, initVideo: { ...clipSource('source'), strength: 0.05, stretch: true } }, given)
    expect(slow.frames).toHaveLength(17)
    const nearest = (frame: Uint8Array) =>
      source.frames.map((candidate) => psnr(frame, candidate)).reduce((best, value, index, all) => (value > all[best]! ? index : best), 0)
    const places = [0, 4, 8, 12, 16].map((index) => nearest(slow.frames[index]!))
    // neighbours are alike, and little was drawn anew: it goes from the source's beginning to its end, at half the speed
    expect(places, places.join()).toEqual(places.toSorted((a, b) => a - b))
    expect(places[0]!, places.join()).toBeLessThanOrEqual(2)
    expect(places[2]!, places.join()).toBeLessThanOrEqual(5)
    expect(places[4]!, places.join()).toBeGreaterThanOrEqual(6)
  })

  // What is promised at 17 frames and 10 steps (`npm run evaluate`: seams of 0.5 to 1.5 times the median step) holds at the 9 frames and 2 steps
  // of these clips where nothing else is said; there the steps of one clip are from 0.3 to 1.8 times its own median, group by group.
  test('new frames join an image, a clip’s end, its beginning and both without a jump', async () => {
    const expectRatio = (ratio: number, { least = 0.5, most = 1.5 } = {}) => {
      expect(ratio).toBeGreaterThan(least)
      expect(ratio).toBeLessThan(most)
    }
    const source = await make({ prompt: 'a red balloon over the sea in the daytime' })
    const given = { source: source.clip, image: { ...source.clip, frames: [source.clip.frames[4]!] } }
    const step = median(stepsOf(source.frames))

    const image = await make({ conditions: [imageAt('image', 0)] }, given)
    expect(psnr(image.frames[0]!, source.frames[4]!)).toBeGreaterThan(25)
    const own = median(stepsOf(image.frames))
    expect(own, 'it moves').toBeGreaterThan(0.1)
    expectRatio(stepBetween(image.frames[0]!, image.frames[1]!) / own, { most: 2 })

    const extended = await make({ prefix: clipSource('source') }, given)
    expect(psnr(extended.frames[8]!, source.frames[8]!)).toBeGreaterThan(30)
    expectRatio(stepBetween(extended.frames[8]!, extended.frames[9]!) / step)
    expectRatio(median(stepsOf(extended.frames.slice(8))) / step)

    const backwards = await make({ suffix: clipSource('source') }, given)
    expect(backwards.frames).toHaveLength(8 + 9)
    expect(psnr(backwards.frames[8]!, source.frames[0]!)).toBeGreaterThan(30)
    // new frames lead to the source, at half its pace in so few steps
    expectRatio(stepBetween(backwards.frames[7]!, backwards.frames[8]!) / step, { least: 0.25 })
    expectRatio(median(stepsOf(backwards.frames.slice(0, 9))) / step, { least: 0.25 })

    const loop = await make({ prefix: clipSource('source'), loop: true }, given)
    expectRatio(stepBetween(loop.frames.at(-1)!, loop.frames[0]!) / median(stepsOf(loop.frames)), { least: 0.25 })
  })

  test('loop: the clip as it was, and the way back without a jump', async () => {
    const source = await make({ ...SMALL, steps: 4, prompt: 'a red balloon over the sea in the daytime' })
    const { frames } = await make(
      { ...SMALL, steps: 4, prompt: 'a blue balloon over the sea at sunset', prefix: clipSource('source'), loop: true },
      { source: source.clip },
    )
    expect(frames).toHaveLength(9 + 7)
    for (const index of [0, 4, 8]) expect(psnr(frames[index]!, source.frames[index]!), `frame ${index}`).toBeGreaterThan(28)
    expect(stepBetween(frames.at(-1)!, frames[0]!), 'no jump where it goes round').toBeLessThan(3 * median(stepsOf(frames)))
  })

  test('remix: the layout stays, less the more may change', async () => {
    const unrelated = await make({ ...SMALL, steps: 4, prompt: 'a white bird in a green forest at night' })
    const source = await make({ ...SMALL, steps: 4, prompt: 'a red balloon over the sea in the daytime' })
    const near: number[] = []
    for (const strength of [0.05, 0.3, 0.6, 0.85]) {
      const { frames } = await make(
        { ...SMALL, steps: 4, prompt: 'a blue balloon over the sea at sunset', initVideo: { ...clipSource('source'), strength } },
        { source: source.clip },
      )
      expect(frames).toHaveLength(9)
      near.push(psnr(frames[4]!, source.frames[4]!))
      expect(near.at(-1), `${strength}: nearer to its source than another clip is`).toBeGreaterThan(psnr(unrelated.frames[4]!, source.frames[4]!))
    }
    expect(near, 'from least to strong').toEqual(near.toSorted((a, b) => b - a))
  })

  test('storyboard: a shot goes on from the one before, one begins with a picture, one is faded into', async () => {
    const shot = (prompt: string, join: Shot['join'], conditions?: Shot['conditions']): Shot => ({ prompt, frames: 9, join, ...(conditions && { conditions }) })
    const shots = [
      shot('a red balloon over the sea', 'cut'),
      shot('a red balloon over the sea', 'continue'),
      shot('a starry night', 'cut', [imageAt('halves', 0)]),
      shot('a white bird in the desert', 'dissolve'),
    ]
    const { frames } = await make({ ...SMALL, steps: 4, prompt: 'flat style', shots }, { halves: picture(SMALL, [238, 136, 51], [34, 119, 204]) })
    expect(frames).toHaveLength(9 + 8 + 9 + (9 - 4))
    const steps = stepsOf(frames)
    const [goesOn, cut] = [steps[8]!, steps[16]!]
    expect(goesOn, 'no cut where it goes on').toBeLessThan(cut / 3)
    expect(Math.max(...steps.slice(21)), 'no cut in the fade').toBeLessThan(cut / 2)
    const redness = (from: number, to: number) => mean(frames[17]!, SMALL, 0, from, to) - mean(frames[17]!, SMALL, 2, from, to)
    expect(redness(0, 32), 'the picture’s left half').toBeGreaterThan(80)
    expect(-redness(32, 64), 'its right half').toBeGreaterThan(80)
  })

  test('storyboard: a shot begins with a clip, and goes on from it', async () => {
    const source = await make({ ...SMALL, steps: 4, prompt: 'a red balloon rising over the sea at sunset' })
    const shots: Shot[] = [
      { prompt: 'a white bird over snowy hills, a starry night', frames: 17, join: 'cut', conditions: [{ ...clipSource('source'), atFrame: 0, strength: 1 }] },
    ]
    const { frames } = await make({ ...SMALL, steps: 4, prompt: '', shots }, { source: source.clip })
    expect(frames).toHaveLength(17)
    // made from these words alone, they are 18 and 19 dB from it
    for (const at of [0, 4, 8]) expect(psnr(frames[at]!, source.frames[at]!), `frame ${at} is the clip’s`).toBeGreaterThan(30)
    expect(median(stepsOf(frames).slice(8)), 'what follows moves as the clip does').toBeGreaterThan(0.4 * median(stepsOf(source.frames)))
  })
})
