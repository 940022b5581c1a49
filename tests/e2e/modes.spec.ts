// Unusable media are named in the error, through the page's own workers. The clips of each mode are tested by flows.spec.ts in the browser,
// and by tests/gpu/starter-clips.test.ts frame by frame.
import type { GenerateRequest } from '../../src/shared/request'
import { smallClip } from './app'
import { expect, test } from './warm'

test('names an image or clip that is missing or unreadable', async ({ page, app }) => {
  const failure = (changes: Partial<GenerateRequest>) =>
    page.evaluate(
      async (request) => {
        const result = await window.kinora!.generate(request)
        return result.ok ? null : { code: result.error.code, message: result.error.message }
      },
      smallClip(app.starter, changes),
    )
  const text = await page.evaluate(async () => (await window.kinora!.saveAsset('notes.txt', 'text/plain', btoa('no image'))).id)
  const empty = await page.evaluate(async () => (await window.kinora!.saveAsset('empty.mp4', 'video/mp4', '')).id)
  expect(await failure({ conditions: [{ source: { kind: 'image', id: 'f00d'.repeat(16) }, atFrame: 0, strength: 1 }] })).toMatchObject({ code: 'not-found' })
  expect(await failure({ conditions: [{ source: { kind: 'image', id: text }, atFrame: 0, strength: 1 }] })).toEqual({
    code: 'unreadable-media',
    message: 'notes.txt: expected an image that this browser can decode (JPEG, PNG, WebP, AVIF or GIF), got text/plain.',
  })
  expect(await failure({ prefix: { source: { kind: 'video', id: text } } })).toMatchObject({ code: 'unreadable-media' })
  expect(await failure({ prefix: { source: { kind: 'video', id: empty } } })).toEqual({
    code: 'unreadable-media',
    message: 'empty.mp4: expected a video that this browser can decode (mostly H.264, VP9 or AV1 in MP4, MOV, WebM or MKV), got an empty file.',
  })
  expect(await failure({ prefix: { source: { kind: 'clip', id: 'gone' } } })).toMatchObject({ code: 'not-found' })
})
