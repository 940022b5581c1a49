import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parseFlags, UsageError } from '../../scripts/generate-flags'
import { modeOf, modeRequest } from '../../scripts/mode-request'
import { parseManifest } from '../../src/shared/model'
import { requestProblems, type GenerateRequest } from '../../src/shared/request'
import { parseStoryboard } from '../../src/shared/storyboard'
import starter from '../../public/models/starter/kinora.json'

const model = parseManifest(starter, 'kinora.json')
const [size] = model.sizes as [(typeof model.sizes)[0]]
const request: GenerateRequest = {
  model: 'starter', prompt: 'a red sky', width: size.width, height: size.height, frames: 17, fps: 8, steps: 8, guidance: 3, seed: 7,
}
let folder = ''
const path = (name: string) => join(folder, name)
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'kinora-modes-'))
  for (const name of ['a.png', 'b.jpg', 'clip.webm', 'other.mp4']) writeFileSync(path(name), name)
})
afterAll(() => rmSync(folder, { recursive: true }))

const flags = (...argv: string[]) => parseFlags(['--prompt', 'a red sky', '--out', 'clip.webm', ...argv])
const make = (...argv: string[]) => modeRequest(flags(...argv), request, model, ({ name, bytes }) => Promise.resolve({ id: `${name}:${bytes.length}`, seconds: 1.5 }))
const image = (name: string) => ({ source: { kind: 'image', id: `${name}:${name.length}` } })
const video = (name: string) => ({ source: { kind: 'video', id: `${name}:${name.length}` } })

describe('the flags of a mode', () => {
  it.each([
    ['text', []], ['image', ['--image', 'a.png']], ['extend', ['--extend', 'c.webm']], ['fill', ['--first', 'a.png']], ['loop', ['--loop']],
    ['loop', ['--loop', '--extend', 'c.webm']], ['remix', ['--remix', 'c.webm']], ['retime', ['--retime', 'c.webm']], ['storyboard', ['--storyboard', 's.json']],
    ['blend', ['--mode', 'blend', '--first', 'a.webm', '--last', 'b.webm']],
  ])('say %s', (mode, argv) => expect(modeOf(flags(...argv))).toBe(mode))

  it('refuse to be two modes', () => {
    expect(() => modeOf(flags('--image', 'a.png', '--remix', 'c.webm'))).toThrow(UsageError)
    expect(() => modeOf(flags('--mode', 'remix', '--image', 'a.png'))).toThrow('--mode remix')
  })

  it('put pictures at their frames', async () => {
    expect((await make('--image', path('a.png'), '--condition-strength', '0.8')).conditions).toEqual([{ ...image('a.png'), atFrame: 0, strength: 0.8 }])
    const filled = await make('--first', path('a.png'), '--last', path('b.jpg'), '--keyframe', `1.0=${path('a.png')}`)
    expect(filled.conditions?.map(({ atFrame }) => atFrame)).toEqual([0, 8, 16])
    expect(requestProblems(filled, model)).toEqual([])
  })

  it('go on from videos, lead to them, fill what is between them', async () => {
    expect(await make('--extend', path('clip.webm'), '--seconds', '2')).toMatchObject({ before: video('clip.webm'), frames: 17 })
    expect(await make('--extend', path('clip.webm'), '--backward')).toMatchObject({ after: video('clip.webm') })
    const blend = await make('--mode', 'blend', '--first', path('clip.webm'), '--last', path('other.mp4'))
    // of a second and a half, half of each is made anew
    expect(blend).toMatchObject({ before: { ...video('clip.webm'), toSeconds: 0.75 }, after: { ...video('other.mp4'), fromSeconds: 0.75 }, frames: 9 })
    const gap = await make('--first', path('clip.webm'), '--last', path('other.mp4'))
    expect([gap.before, gap.after], 'filling leaves both as they are').toEqual([video('clip.webm'), video('other.mp4')])
    expect(requestProblems(blend, model)).toEqual([])
    expect(await make('--loop', '--extend', path('clip.webm'))).toMatchObject({ before: video('clip.webm'), loop: true })
    expect(await make('--remix', path('clip.webm'), '--strength', '0.4')).toMatchObject({ start: { ...video('clip.webm'), strength: 0.4 } })
    const retimed = await make('--retime', path('clip.webm'), '--seconds', '4')
    expect(retimed).toMatchObject({ frames: 33, start: { ...video('clip.webm'), strength: 0.35, stretch: true } })
    expect(requestProblems(retimed, model)).toEqual([])
  })

  it('name a file that is not there', async () => {
    await expect(make('--image', path('gone.png'))).rejects.toThrow('gone.png cannot be read')
    await expect(make('--mode', 'blend', '--first', path('clip.webm'))).rejects.toThrow('--last is missing')
  })

  it('make up to a minute, in steps of a latent frame', async () => {
    expect(requestProblems(await make('--seconds', '60'), model)).toEqual([])
    expect(requestProblems({ ...request, frames: 489 }, model)).toMatchObject([{ field: 'frames' }])
    expect(requestProblems({ ...request, frames: 100 }, model)).toMatchObject([{ field: 'frames' }])
  })
})

describe('a storyboard file', () => {
  it('becomes shots; what is not understood is listed', () => {
    const read = parseStoryboard(
      { version: 2, prompt: 'flat style', music: 'loud', shots: [{ prompt: 'a car', seconds: 2 }, { seconds: 1, join: 'continue', image: 'a.png', crop: { x: 1, y: 0.5, zoom: 2 }, mood: 'sad' }, { prompt: 'b', seconds: 1, clip: 'b.webm' }] },
      model,
      8,
    )
    expect(read).toEqual({
      prompt: 'flat style',
      shots: [{ prompt: 'a car', frames: 17, join: 'cut' }, { prompt: '', frames: 9, join: 'continue', image: 'a.png', crop: { x: 1, y: 0.5, zoom: 2 } }, { prompt: 'b', frames: 9, join: 'cut', clip: 'b.webm' }],
      ignored: ['version 2 is newer than 1, which is understood', 'music', 'shots.1.mood'],
    })
  })

  it.each([[{}], [{ shots: [] }], [{ shots: [{ prompt: 'a', seconds: 'long' }] }], [null], ['text']])('is refused where nothing can be made of %j', (data) => {
    expect(() => parseStoryboard(data, model, 8)).toThrow('The storyboard does not fit')
  })
})
