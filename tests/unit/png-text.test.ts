import fc from 'fast-check'
import sharp from 'sharp'
import { expect, test } from 'vitest'
import { withPngText } from '../../src/shared/png-text'

/** A PNG's chunks, read independently. */
function chunks(png: Uint8Array): { type: string; data: Buffer }[] {
  const bytes = Buffer.from(png)
  const found: { type: string; data: Buffer }[] = []
  for (let at = 8; at < bytes.length;) {
    const length = bytes.readUInt32BE(at)
    found.push({ type: bytes.toString('latin1', at + 4, at + 8), data: bytes.subarray(at + 8, at + 8 + length) })
    at += 12 + length
  }
  return found
}

test('adds a text to a PNG without changing its pixels', async () => {
  const pixels = Buffer.from(Array.from({ length: 5 * 3 * 3 }, (_, index) => index * 5))
  const png = await sharp(pixels, { raw: { width: 5, height: 3, channels: 3 } })
    .png()
    .toBuffer()
  await fc.assert(
    fc.asyncProperty(fc.string({ unit: 'grapheme', maxLength: 300 }), async (text) => {
      const withText = withPngText(png, 'kinora-recipe', text)
      const found = chunks(withText)
      expect(found.map(({ type }) => type)).toEqual([
        ...chunks(png)
          .map(({ type }) => type)
          .slice(0, -1),
        'iTXt',
        'IEND',
      ])
      expect(found.at(-2)!.data.toString('utf8')).toBe(`kinora-recipe\0\0\0\0\0${text}`)
      // libpng rejects chunks with a wrong checksum
      expect(await sharp(withText, { failOn: 'warning' }).removeAlpha().raw().toBuffer()).toEqual(pixels)
    }),
    { numRuns: 20 },
  )
})
