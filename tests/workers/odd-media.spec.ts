// Pictures and videos as people have them: turned, transparent, animated, huge, of many brightnesses, at no steady rate, or none at all.
import type { Page } from '@playwright/test'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import sharp from 'sharp'
import { expect, test } from './harness/serve'

/** A file that ffmpeg makes of a test source; `args` stand between the source and the file. */
function ffmpeg(extension: string, source: string, ...args: string[]): Buffer {
  const folder = mkdtempSync(join(tmpdir(), 'kinora-odd-media-'))
  try {
    const file = join(folder, `file.${extension}`)
    execFileSync('ffmpeg', ['-v', 'error', '-f', 'lavfi', '-i', source, ...args, file])
    return readFileSync(file)
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** The same file with its track turned, as phones write it. */
function turned(mp4: Buffer, degrees: number): Buffer {
  const folder = mkdtempSync(join(tmpdir(), 'kinora-odd-media-'))
  try {
    const [from, to] = [join(folder, 'from.mp4'), join(folder, 'to.mp4')]
    execFileSync('sh', ['-c', 'cat > "$1"', 'sh', from], { input: mp4 })
    execFileSync('ffmpeg', ['-v', 'error', '-i', from, '-c', 'copy', '-metadata:s:v', `rotate=${degrees}`, to])
    return readFileSync(to)
  } finally {
    rmSync(folder, { recursive: true })
  }
}

type Rgb = [red: number, green: number, blue: number]

/** The colour at a place of a frame, given in shares of its sides. */
function colourAt(rgba: readonly number[], { width, height }: { width: number; height: number }, x: number, y: number): Rgb {
  const at = 4 * (Math.floor(y * height) * width + Math.floor(x * width))
  return [rgba[at]!, rgba[at + 1]!, rgba[at + 2]!]
}

function expectNear(found: Rgb, expected: Rgb, tolerance = 24): void {
  const worst = Math.max(...found.map((value, index) => Math.abs(value - expected[index]!)))
  expect(worst, `${found} for ${expected}`).toBeLessThanOrEqual(tolerance)
}

const RED: Rgb = [255, 0, 0]
const BLUE: Rgb = [0, 0, 255]
const SIDE = { width: 32, height: 32 }

function readImage(page: Page, bytes: Buffer, type: string, size = SIDE): Promise<number[]> {
  return page.evaluate(
    ([base64, kind, width, height]) =>
      window.workers.media.picture(
        Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0)),
        'odd',
        kind,
        width,
        height,
      ),
    [bytes.toString('base64'), type, size.width, size.height] as const,
  )
}

function readClip(page: Page, bytes: Buffer, options: { width?: number; height?: number; fps?: number; most?: number } = {}) {
  return page.evaluate(
    ([base64, how]) =>
      window.workers.media.clip(
        Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0)),
        'odd.mp4',
        how,
      ),
    [bytes.toString('base64'), { ...SIDE, fps: 8, most: 100, ...options }] as const,
  )
}

/** Left half red, right half blue. */
const halves = (width: number, height: number) =>
  sharp({ create: { width, height, channels: 3, background: '#f00' } }).composite([
    { input: { create: { width: Math.ceil(width / 2), height, channels: 3, background: '#00f' } }, left: Math.floor(width / 2), top: 0 },
  ])

test.describe('pictures', () => {
  test('are upright, whichever way the camera was held', async ({ page }) => {
    // 6: the picture's left side was up
    const file = await halves(64, 64).withMetadata({ orientation: 6 }).jpeg({ quality: 95 }).toBuffer()
    const rgba = await readImage(page, file, 'image/jpeg')
    expectNear(colourAt(rgba, SIDE, 0.5, 0.2), RED)
    expectNear(colourAt(rgba, SIDE, 0.5, 0.8), BLUE)
  })

  test('that are transparent are seen on white', async ({ page }) => {
    const file = await sharp({ create: { width: 16, height: 16, channels: 4, background: { r: 255, g: 0, b: 0, alpha: 0 } } })
      .png()
      .toBuffer()
    const rgba = await readImage(page, file, 'image/png')
    expectNear(colourAt(rgba, SIDE, 0.5, 0.5), [255, 255, 255], 0)
    expect(rgba.filter((_, index) => index % 4 === 3).every((alpha) => alpha === 255)).toBe(true)
  })

  for (const [extension, type, args] of [
    ['gif', 'image/gif', []],
    ['webp', 'image/webp', ['-c:v', 'libwebp_anim', '-lossless', '1', '-loop', '0']],
    ['avif', 'image/avif', ['-c:v', 'libaom-av1', '-cpu-used', '8', '-crf', '20']],
  ] as const) {
    test(`that move give their first frame: ${extension}`, async ({ page }) => {
      const file = ffmpeg(extension, 'color=red:s=64x64:r=4:d=0.5[a];color=blue:s=64x64:r=4:d=1[b];[a][b]concat', ...args)
      expectNear(colourAt(await readImage(page, file, type), SIDE, 0.5, 0.5), RED)
    })
  }

  test('of 8K are made small without a trace of their pixels', async ({ page }) => {
    // a chequerboard as fine as it can be: taken point by point it would be black or white
    const [width, height] = [7680, 4320]
    const row = Buffer.from(Array.from({ length: width }, (_, x) => (x % 2 ? 255 : 0)))
    const odd = Buffer.from(row.map((value) => 255 - value))
    const pixels = Buffer.concat(Array.from({ length: height }, (_, y) => (y % 2 ? odd : row)))
    const file = await sharp(pixels, { raw: { width, height, channels: 1 } })
      .png({ compressionLevel: 1 })
      .toBuffer()
    const rgba = await readImage(page, file, 'image/png')
    for (const at of [0.1, 0.5, 0.9]) expectNear(colourAt(rgba, SIDE, at, at), [128, 128, 128], 12)
  })

  test('that are none are refused by name', async ({ page }) => {
    await expect(readImage(page, Buffer.from('<svg'), 'text/plain')).rejects.toThrow(
      'odd: expected an image that this browser can decode (JPEG, PNG, WebP, AVIF or GIF), got text/plain.',
    )
    await expect(readImage(page, Buffer.alloc(0), 'image/png')).rejects.toThrow('odd is empty: expected an image.')
  })
})

test.describe('videos', () => {
  test('of a phone that was turned are upright', async ({ page }) => {
    const lying = ffmpeg('mp4', 'color=red:s=64x32:r=8:d=0.5[a];color=blue:s=64x32:r=8:d=0.5[b];[a][b]hstack', '-pix_fmt', 'yuv420p', '-c:v', 'libx264')
    const { width, height, frames } = await readClip(page, turned(lying, 90))
    expect([width, height]).toEqual([32, 128])
    // as ffmpeg and players show it: the right side is up
    expectNear(colourAt(frames[0]!, SIDE, 0.5, 0.1), BLUE)
    expectNear(colourAt(frames[0]!, SIDE, 0.5, 0.9), RED)
  })

  test('without a steady rate are shown in their time', async ({ page }) => {
    // red for a second in one frame, then blue in eight
    const file = ffmpeg(
      'mp4',
      "color=red:s=64x64:r=8:d=1[a];color=blue:s=64x64:r=8:d=1[b];[a][b]concat,select='eq(n,0)+gte(n,8)'",
      '-vsync',
      'vfr',
      '-pix_fmt',
      'yuv420p',
      '-c:v',
      'libx264',
    )
    const { seconds, frames } = await readClip(page, file)
    expect(seconds).toBeCloseTo(2, 1)
    expect(frames).toHaveLength(16)
    for (const [index, frame] of frames.entries()) expectNear(colourAt(frame, SIDE, 0.5, 0.5), index < 8 ? RED : BLUE, 40)
  })

  test('of ten bits and many brightnesses are brought to what a screen shows', async ({ page }) => {
    // a ramp in PQ over BT.2020: dark to bright from left to right
    const file = ffmpeg(
      'webm',
      'gradients=s=128x32:c0=black:c1=white:x0=0:y0=0:x1=127:y1=0:r=8:d=0.5',
      '-pix_fmt',
      'yuv420p10le',
      '-c:v',
      'libvpx-vp9',
      '-profile:v',
      '2',
      '-color_primaries',
      'bt2020',
      '-color_trc',
      'smpte2084',
      '-colorspace',
      'bt2020nc',
    )
    const { frames } = await readClip(page, file, { width: 64, height: 16 })
    const ramp = [0.05, 0.25, 0.5, 0.75, 0.95].map((x) => colourAt(frames[0]!, { width: 64, height: 16 }, x, 0.5)[1])
    expect(ramp[0]).toBeLessThan(24)
    expect(ramp.at(-1)).toBeGreaterThan(180)
    for (const [index, value] of ramp.entries()) if (index > 0) expect(value, ramp.join(' ')).toBeGreaterThanOrEqual(ramp[index - 1]!)
  })

  test('that are transparent have opaque frames', async ({ page }) => {
    const file = ffmpeg('webm', 'color=red@0.5:s=64x64:r=8:d=0.5,format=yuva420p', '-c:v', 'libvpx-vp9', '-pix_fmt', 'yuva420p')
    const { frames } = await readClip(page, file)
    expect(frames[0]!.filter((_, index) => index % 4 === 3).every((alpha) => alpha === 255)).toBe(true)
  })

  test('of 8K are read', async ({ page }) => {
    test.setTimeout(180_000)
    const file = ffmpeg('mp4', 'color=red:s=7680x4320:r=4:d=0.5', '-pix_fmt', 'yuv420p', '-c:v', 'libx264', '-preset', 'ultrafast')
    const { width, frames } = await readClip(page, file, { fps: 4 })
    expect(width).toBe(7680)
    expect(frames).toHaveLength(2)
    expectNear(colourAt(frames[1]!, SIDE, 0.5, 0.5), RED)
  })

  test('that cannot be decoded are refused by their codec', async ({ page }) => {
    const file = ffmpeg('mp4', 'color=red:s=64x64:r=4:d=0.5', '-c:v', 'libx265', '-x265-params', 'log-level=none', '-tag:v', 'hvc1')
    await expect(readClip(page, file)).rejects.toThrow(
      'odd.mp4: expected a video that this browser can decode (mostly H.264, VP9 or AV1 in MP4, MOV, WebM or MKV), got hevc.',
    )
  })

  test('that are cut off or have nothing in them are refused', async ({ page }) => {
    const file = ffmpeg('mp4', 'color=red:s=64x64:r=4:d=1', '-pix_fmt', 'yuv420p', '-c:v', 'libx264')
    // the index of an MP4 stands at its end
    await expect(readClip(page, file.subarray(0, file.length / 2))).rejects.toThrow(/odd\.mp4/)
    await expect(readClip(page, Buffer.alloc(0))).rejects.toThrow(
      'odd.mp4: expected a video that this browser can decode (mostly H.264, VP9 or AV1 in MP4, MOV, WebM or MKV), got an empty file.',
    )
    const sound = ffmpeg('mp4', 'sine=d=0.5', '-c:a', 'aac')
    await expect(readClip(page, sound)).rejects.toThrow(
      'odd.mp4: expected a video that this browser can decode (mostly H.264, VP9 or AV1 in MP4, MOV, WebM or MKV), got a file without a video track.',
    )
  })
})
