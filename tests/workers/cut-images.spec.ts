// Images that are cut short are read as far as the browser shows them: an <img> on the same file is the judge.
import type { Page } from '@playwright/test'
import sharp from 'sharp'
import { expect, test } from './harness/serve'

const SIZE = { width: 32, height: 32 }

/** What an <img> shows on white, RGBA u8 [height, width, 4]; null where it shows nothing. */
function shown(page: Page, bytes: Buffer, type: string): Promise<number[] | null> {
  return page.evaluate(
    async ([base64, kind, { width, height }]) => {
      const image = new Image()
      const loaded = new Promise<boolean>((resolve) => {
        image.onload = () => resolve(true)
        image.onerror = () => resolve(false)
      })
      image.src = URL.createObjectURL(new Blob([Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0))], { type: kind }))
      if (!(await loaded)) return null
      const context = new OffscreenCanvas(width, height).getContext('2d', { willReadFrequently: true })!
      context.fillStyle = '#fff'
      context.fillRect(0, 0, width, height)
      context.imageSmoothingQuality = 'high'
      context.drawImage(image, 0, 0, width, height)
      return [...context.getImageData(0, 0, width, height).data]
    },
    [bytes.toString('base64'), type, SIZE] as const,
  )
}

/** What the reader makes of it; null where it refuses it. */
function read(page: Page, bytes: Buffer, type: string): Promise<number[] | null> {
  return page.evaluate(
    ([base64, kind, { width, height }]) =>
      window.workers.media
        .image(
          Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0)),
          'photo',
          kind,
          width,
          height,
        )
        .catch(() => null),
    [bytes.toString('base64'), type, SIZE] as const,
  )
}

/** 64 × 64, gray, with something to see in every row: colors of JPEG are enlarged in more than one way. */
const photo = () => {
  const side = 64
  const pixels = Buffer.from(Array.from({ length: side * side * 3 }, (_, at) => ((Math.floor(at / 12) * 7919) % 31) + (at / (side * 3)) * 3))
  return sharp(pixels, { raw: { width: side, height: side, channels: 3 } })
}

for (const [what, type, make] of [
  ['JPEG', 'image/jpeg', () => photo().jpeg({ quality: 90 }).toBuffer()],
  ['progressive JPEG', 'image/jpeg', () => photo().jpeg({ quality: 90, progressive: true }).toBuffer()],
  ['PNG', 'image/png', () => photo().png().toBuffer()],
  ['GIF', 'image/gif', () => photo().gif().toBuffer()],
] as const) {
  test(`${what}, cut off at its end, in its last third and in its head`, async ({ page }) => {
    const whole = await make()
    for (const length of [whole.length - 2, Math.floor(whole.length * 0.7), 12]) {
      const part = whole.subarray(0, length)
      const [expected, found] = [await shown(page, part, type), await read(page, part, type)]
      if (expected === null) expect(found, `${length} of ${whole.length} bytes`).toBeNull()
      else {
        expect(found, `${length} of ${whole.length} bytes`).not.toBeNull()
        const differing = found!.filter((value, index) => Math.abs(value - expected[index]!) > 12).length
        expect(differing, `values that differ at ${length} of ${whole.length} bytes`).toBeLessThan(found!.length / 20)
      }
    }
  })
}
