import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parseFlags, UsageError } from '../../scripts/generate-flags'
import { modeOf, modeRequest, requireMode } from '../../scripts/mode-request'
import { ALL_CAPABILITIES } from '../../src/shared/capabilities'
import { parseManifest } from '../../src/shared/model'
import type { GenerateRequest } from '../../src/shared/request'
import { requestProblems } from '../../src/shared/request-problems'
import { readStoryboard } from '../../src/shared/storyboard'
import starter from '../../public/models/starter/kinora.json'

const model = parseManifest(starter, 'kinora.json')
const [size] = model.sizes as [(typeof model.sizes)[0]]
const request: GenerateRequest = {
  model: 'starter',
  prompt: 'a red sky',
  width: size.width,
  height: size.height,
  frames: 17,
  fps: 8,
  steps: 8,
  guidance: 3,
  seed: 7,
}
let folder = ''
const path = (name: string) => join(folder, name)
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'kinora-modes-'))
  for (const name of ['a.png', 'b.jpg', 'clip.webm', 'other.mp4']) writeFileSync(path(name), name)
  writeFileSync(
    path('board.json'),
    JSON.stringify({
      prompt: 'flat style',
      sameSeed: true,
      shots: [
        { prompt: 'a car', seconds: 2 },
        { seconds: 1, join: 'continue', image: 'a.png', crop: { x: 1, y: 0.5, zoom: 2 } },
      ],
    }),
  )
})
afterAll(() => rmSync(folder, { recursive: true }))

const flags = (...argv: string[]) => parseFlags(['--prompt', 'a red sky', '--out', 'clip.webm', ...argv])
const make = (...argv: string[]) =>
  modeRequest(flags(...argv), request, model, ({ name, bytes }) => Promise.resolve({ id: `${name}:${bytes.length}`, seconds: 1.5 }))
const image = (name: string) => ({ source: { kind: 'image', id: `${name}:${name.length}` } })
const video = (name: string) => ({ source: { kind: 'video', id: `${name}:${name.length}` } })

const fixture = (name: string) => fileURLToPath(new URL(`./fixtures/${name}`, import.meta.url))

describe('a file is told by its content', () => {
  it('a JPEG under any name is an image', async () => {
    for (const name of ['photo.jfif', 'photo', 'photo.mp4']) {
      if (name !== 'photo.jfif') copyFileSync(fixture('photo.jfif'), path(name))
      const image = name === 'photo.jfif' ? fixture(name) : path(name)
      const types: string[] = []
      const { conditions } = await modeRequest(flags('--image', image), request, model, ({ type }) => Promise.resolve({ id: String(types.push(type)) }))
      expect(types).toEqual(['image/jpeg'])
      expect(conditions).toMatchObject([{ source: { kind: 'image' }, atFrame: 0 }])
      expect(modeOf(flags('--first', image))).toBe('keyframes')
    }
  })

  it('a HEIC is refused as a picture of its kind, whatever its name', async () => {
    copyFileSync(fixture('photo.heic'), path('photo.jpg'))
    for (const image of [fixture('photo.heic'), path('photo.jpg')]) {
      await expect(modeRequest(flags('--image', image), request, model, () => Promise.reject(new Error('stored')))).rejects.toThrow(
        `${image} is a picture of type HEIC, which the browser cannot decode: convert it to JPEG or PNG`,
      )
    }
  })
})

describe('the flags of a mode', () => {
  it.each([
    ['t2v', []],
    ['i2v', ['--image', 'a.png']],
    ['extend', ['--extend', 'c.webm']],
    ['keyframes', ['--first', 'a.png']],
    ['loop', ['--loop']],
    ['keyframes', ['--first', 'a.png', '--last', 'b.webm']],
    ['keyframes', ['--keyframe', '1=a.png']],
    ['inbetween', ['--first', 'a.webm', '--last', 'b.webm']],
    ['inbetween', ['--last', 'b.webm']],
    ['loop', ['--loop', '--extend', 'c.webm']],
    ['v2v', ['--remix', 'c.webm']],
    ['retime', ['--retime', 'c.webm']],
    ['storyboard', ['--storyboard', 's.json']],
    ['blend', ['--mode', 'blend', '--first', 'a.webm', '--last', 'b.webm']],
  ])('select %s', (mode, argv) => expect(modeOf(flags(...argv))).toBe(mode))

  it('are rejected if they belong to two modes', () => {
    expect(() => modeOf(flags('--image', 'a.png', '--remix', 'c.webm'))).toThrow(UsageError)
    expect(() => modeOf(flags('--mode', 'v2v', '--image', 'a.png'))).toThrow('--mode v2v: expected the flags of that mode, got --image')
    expect(() => modeOf(flags('--strength', '0.5'))).toThrow('--mode t2v: expected the flags of that mode, got --strength')
  })

  it('are rejected for a model that lacks the mode', () => {
    const lacking = { ...model, name: 'Tiny', capabilities: { ...ALL_CAPABILITIES, perTokenTimesteps: false } }
    expect(() => requireMode('i2v', lacking)).toThrow('--mode i2v: Tiny cannot keep given frames while it generates the others.')
    requireMode('v2v', lacking)
    requireMode('i2v', model)
  })

  it('put images at their frames', async () => {
    expect((await make('--image', path('a.png'), '--condition-strength', '0.8')).conditions).toEqual([{ ...image('a.png'), atFrame: 0, strength: 0.8 }])
    const filled = await make('--first', path('a.png'), '--last', path('b.jpg'), '--keyframe', `1.0=${path('a.png')}`)
    expect(filled.conditions?.map(({ atFrame }) => atFrame)).toEqual([0, 8, 16])
    expect(requestProblems(filled, model)).toEqual([])
  })

  it('extend, blend, loop, remix and re-time videos, and interpolate between them', async () => {
    expect(await make('--extend', path('clip.webm'), '--seconds', '2')).toMatchObject({ prefix: video('clip.webm'), frames: 17 })
    expect(await make('--extend', path('clip.webm'), '--backward')).toMatchObject({ suffix: video('clip.webm') })
    const blend = await make('--mode', 'blend', '--first', path('clip.webm'), '--last', path('other.mp4'))
    // half of each clip of 1.5 s is regenerated
    expect(blend).toMatchObject({ prefix: { ...video('clip.webm'), toSeconds: 0.75 }, suffix: { ...video('other.mp4'), fromSeconds: 0.75 }, frames: 9 })
    const gap = await make('--first', path('clip.webm'), '--last', path('other.mp4'))
    expect([gap.prefix, gap.suffix], 'interpolating keeps both').toEqual([video('clip.webm'), video('other.mp4')])
    expect(requestProblems(blend, model)).toEqual([])
    expect(await make('--loop', '--extend', path('clip.webm'))).toMatchObject({ prefix: video('clip.webm'), loop: true })
    expect(await make('--remix', path('clip.webm'), '--strength', '0.4')).toMatchObject({ initVideo: { ...video('clip.webm'), strength: 0.4 } })
    const retimed = await make('--retime', path('clip.webm'), '--seconds', '4')
    expect(retimed).toMatchObject({ frames: 33, initVideo: { ...video('clip.webm'), strength: 0.35, stretch: true } })
    expect(requestProblems(retimed, model)).toEqual([])
  })

  it('accept a clip at one end and an image at the other', async () => {
    const mixed = await make('--first', path('clip.webm'), '--last', path('b.jpg'), '--keyframe', `1=${path('a.png')}`)
    expect(mixed).toMatchObject({
      prefix: video('clip.webm'),
      conditions: [
        { ...image('a.png'), atFrame: 8 },
        { ...image('b.jpg'), atFrame: 16 },
      ],
    })
    expect(mixed).not.toHaveProperty('suffix')
  })

  it('read a storyboard with the files beside it', async () => {
    const made = await make('--storyboard', path('board.json'))
    expect(made).toMatchObject({
      prompt: 'flat style, a red sky',
      sameSeed: true,
      shots: [
        { prompt: 'a car', frames: 17, join: 'cut' },
        { prompt: '', frames: 9, join: 'continue', conditions: [{ ...image('a.png'), atFrame: 0, strength: 1, crop: { x: 1, y: 0.5, zoom: 2 } }] },
      ],
    })
    expect(requestProblems(made, model)).toEqual([])
    await expect(make('--storyboard', path('a.png'))).rejects.toThrow('expected a JSON file')
  })

  it('are rejected if a file or a flag is missing', async () => {
    await expect(make('--image', path('gone.png'))).rejects.toThrow('gone.png cannot be read')
    await expect(make('--mode', 'blend', '--first', path('clip.webm'))).rejects.toThrow('--last is missing')
  })

  it('request up to a minute, in steps of a latent frame', async () => {
    expect(requestProblems(await make('--seconds', '60'), model)).toEqual([])
    expect(requestProblems({ ...request, frames: 489 }, model)).toMatchObject([{ field: 'frames' }])
    expect(requestProblems({ ...request, frames: 100 }, model)).toMatchObject([{ field: 'frames' }])
  })
})

describe('a storyboard file', () => {
  it('is read as shots, and unknown fields are listed', () => {
    const read = readStoryboard({
      version: 2,
      prompt: 'flat style',
      music: 'loud',
      shots: [
        { prompt: 'a car', seconds: 2 },
        { seconds: 1, join: 'continue', image: 'a.png', crop: { x: 1, y: 0.5, zoom: 2 }, mood: 'sad' },
        { prompt: 'b', seconds: 1, clip: 'b.webm' },
      ],
    })
    expect(read).toEqual({
      prompt: 'flat style',
      shots: [
        { prompt: 'a car', seconds: 2, join: 'cut' },
        { prompt: '', seconds: 1, join: 'continue', image: 'a.png', crop: { x: 1, y: 0.5, zoom: 2 } },
        { prompt: 'b', seconds: 1, join: 'cut', clip: 'b.webm' },
      ],
      ignored: ['version 2 is newer than 1, which is understood', 'music', 'shots.1.mood'],
    })
  })

  it.each([[{}], [{ shots: [] }], [{ shots: [{ prompt: 'a', seconds: 'long' }] }], [null], ['text']])('is rejected if it is %j', (data) => {
    expect(() => readStoryboard(data)).toThrow('The storyboard does not fit')
  })
})
