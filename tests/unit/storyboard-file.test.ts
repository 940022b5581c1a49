import { describe, expect, it } from 'vitest'
import type { MediaInput } from '../../src/shared/modes/mode'
import { boardText, newCard } from '../../src/shared/modes/storyboard'
import { readBoard } from '../../src/state/storyboard-file'

const saveAsset = (file: File): Promise<MediaInput> =>
  Promise.resolve({ kind: file.name.endsWith('.png') ? 'image' : 'video', id: `kept ${file.name}`, name: file.name })
const json = (data: unknown) => new File([typeof data === 'string' ? data : JSON.stringify(data)], 'board.json')
const read = (data: unknown, ...images: string[]) => readBoard([...images.map((name) => new File(['x'], name)), json(data)], saveAsset)

describe('a storyboard file', () => {
  it('is restored as it was saved, with the images and videos chosen beside it', async () => {
    const image: MediaInput = { kind: 'image', id: 'kept a.png', name: 'a.png', crop: { x: 0, y: 1, zoom: 2 } }
    const video: MediaInput = { kind: 'video', id: 'kept b.webm', name: 'b.webm' }
    const cards = [
      { ...newCard('cut'), prompt: 'a red car', seconds: 2.5, beginning: image },
      { ...newCard('dissolve'), prompt: '', seconds: 1 },
      { ...newCard('cut'), beginning: video },
    ]
    const back = await readBoard([json(boardText('flat style', { sameSeed: true, cards })), new File(['x'], 'a.png'), new File(['x'], 'b.webm')], saveAsset)
    expect(back).toEqual({
      prompt: 'flat style',
      left: [],
      storyboard: { sameSeed: true, cards: cards.map((card) => ({ ...card, key: expect.any(String) as string })) },
    })
  })

  it('loads known fields and lists the others', async () => {
    const { left, storyboard } = await read(
      {
        version: 3,
        music: 'loud',
        shots: [
          { prompt: 'a', seconds: 2, mood: 'sad' },
          { prompt: 'b', seconds: 1, join: 'wipe', image: 'in/b.png' },
          { seconds: 1, image: 'c.png', clip: 'c.webm' },
          { seconds: 1, clip: 'd.webm' },
        ],
      },
      'b.png',
    )
    expect(left).toEqual([
      'version 3 is newer than 1, which is understood',
      'music',
      'mood of card 1',
      'join "wipe" of card 2',
      'clip of card 3',
      'the image c.png of card 3: choose it there, or together with the file',
      'the clip d.webm of card 4: choose it there, or together with the file',
    ])
    expect(storyboard.cards.map(({ join, beginning }) => [join, beginning?.id ?? null])).toEqual([
      ['cut', null],
      ['cut', 'kept b.png'],
      ['cut', null],
      ['cut', null],
    ])
  })

  it.each([
    ['{', 'board.json is not readable: expected JSON'],
    [{ shots: [] }, 'The storyboard does not fit: shots'],
    [{ shots: [{ seconds: -1 }] }, 'The storyboard does not fit: shots.0.seconds'],
  ])('is rejected if it is %j', async (data, message) => {
    await expect(read(data)).rejects.toThrow(message)
  })

  it('is required if only images were chosen', async () => {
    await expect(readBoard([new File(['x'], 'a.png')], saveAsset)).rejects.toThrow('Expected a storyboard’s .json file, got a.png')
  })
})
