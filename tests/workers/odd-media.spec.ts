// Unusual images and videos: rotated, transparent, animated, huge, HDR, with a variable frame rate, or unreadable.
import type { Page } from '@playwright/test'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import sharp from 'sharp'
import { expect, test } from './harness/serve'

/** A file that ffmpeg generates from a test source; `args` go between the source and the file. */
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

/** The same file with a rotated track, as phones write it. */
function rotated(mp4: Buffer, degrees: number): Buffer {
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

/** The color at a position of a frame, in fractions of its sides. */
function colorAt(rgba: readonly number[], { width, height }: { width: number; height: number }, x: number, y: number): Rgb {
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
      window.workers.media.image(
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

test.describe('images', () => {
  test('are rotated by their EXIF orientation', async ({ page }) => {
    // 6: the left side of the stored image is the top
    const file = await halves(64, 64).withMetadata({ orientation: 6 }).jpeg({ quality: 95 }).toBuffer()
    const rgba = await readImage(page, file, 'image/jpeg')
    expectNear(colorAt(rgba, SIDE, 0.5, 0.2), RED)
    expectNear(colorAt(rgba, SIDE, 0.5, 0.8), BLUE)
  })

  test('are composited on white if they are transparent', async ({ page }) => {
    const file = await sharp({ create: { width: 16, height: 16, channels: 4, background: { r: 255, g: 0, b: 0, alpha: 0 } } })
      .png()
      .toBuffer()
    const rgba = await readImage(page, file, 'image/png')
    expectNear(colorAt(rgba, SIDE, 0.5, 0.5), [255, 255, 255], 0)
    expect(rgba.filter((_, index) => index % 4 === 3).every((alpha) => alpha === 255)).toBe(true)
  })

  for (const [extension, type, args] of [
    ['gif', 'image/gif', []],
    ['webp', 'image/webp', ['-c:v', 'libwebp_anim', '-lossless', '1', '-loop', '0']],
    ['avif', 'image/avif', ['-c:v', 'libaom-av1', '-cpu-used', '8', '-crf', '20']],
  ] as const) {
    test(`give the first frame of an animation: ${extension}`, async ({ page }) => {
      const file = ffmpeg(extension, 'color=red:s=64x64:r=4:d=0.5[a];color=blue:s=64x64:r=4:d=1[b];[a][b]concat', ...args)
      expectNear(colorAt(await readImage(page, file, type), SIDE, 0.5, 0.5), RED)
    })
  }

  test('are downsampled from 8K without aliasing', async ({ page }) => {
    // a checkerboard of single pixels: sampling single points would give black or white
    const [width, height] = [7680, 4320]
    const row = Buffer.from(Array.from({ length: width }, (_, x) => (x % 2 ? 255 : 0)))
    const odd = Buffer.from(row.map((value) => 255 - value))
    const pixels = Buffer.concat(Array.from({ length: height }, (_, y) => (y % 2 ? odd : row)))
    const file = await sharp(pixels, { raw: { width, height, channels: 1 } })
      .png({ compressionLevel: 1 })
      .toBuffer()
    const rgba = await readImage(page, file, 'image/png')
    for (const at of [0.1, 0.5, 0.9]) expectNear(colorAt(rgba, SIDE, at, at), [128, 128, 128], 12)
  })

  test('are rejected by name if they cannot be decoded', async ({ page }) => {
    await expect(readImage(page, Buffer.from('<svg'), 'text/plain')).rejects.toThrow(
      'odd: expected an image that this browser can decode (JPEG, PNG, WebP, AVIF or GIF), got text/plain.',
    )
    await expect(readImage(page, Buffer.alloc(0), 'image/png')).rejects.toThrow('odd is empty: expected an image.')
  })
})

test.describe('videos', () => {
  test('are rotated by the rotation of their track', async ({ page }) => {
    const landscape = ffmpeg('mp4', 'color=red:s=64x32:r=8:d=0.5[a];color=blue:s=64x32:r=8:d=0.5[b];[a][b]hstack', '-pix_fmt', 'yuv420p', '-c:v', 'libx264')
    const { width, height, frames } = await readClip(page, rotated(landscape, 90))
    expect([width, height]).toEqual([32, 128])
    // as ffmpeg and players show it: the right side is the top
    expectNear(colorAt(frames[0]!, SIDE, 0.5, 0.1), BLUE)
    expectNear(colorAt(frames[0]!, SIDE, 0.5, 0.9), RED)
  })

  test('keep their timing at a variable frame rate', async ({ page }) => {
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
    for (const [index, frame] of frames.entries()) expectNear(colorAt(frame, SIDE, 0.5, 0.5), index < 8 ? RED : BLUE, 40)
  })

  test('are converted from 10-bit HDR to 8 bits, from dark to bright', async ({ page }) => {
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
    const ramp = [0.05, 0.25, 0.5, 0.75, 0.95].map((x) => colorAt(frames[0]!, { width: 64, height: 16 }, x, 0.5)[1])
    expect(ramp[0]).toBeLessThan(24)
    expect(ramp.at(-1)).toBeGreaterThan(180)
    for (const [index, value] of ramp.entries()) if (index > 0) expect(value, ramp.join(' ')).toBeGreaterThanOrEqual(ramp[index - 1]!)
  })

  test('have opaque frames if they are transparent', async ({ page }) => {
    const file = ffmpeg('webm', 'color=red@0.5:s=64x64:r=8:d=0.5,format=yuva420p', '-c:v', 'libvpx-vp9', '-pix_fmt', 'yuva420p')
    const { frames } = await readClip(page, file)
    expect(frames[0]!.filter((_, index) => index % 4 === 3).every((alpha) => alpha === 255)).toBe(true)
  })

  test('are read at 8K', async ({ page }) => {
    test.setTimeout(180_000)
    const file = ffmpeg('mp4', 'color=red:s=7680x4320:r=4:d=0.5', '-pix_fmt', 'yuv420p', '-c:v', 'libx264', '-preset', 'ultrafast')
    const { width, frames } = await readClip(page, file, { fps: 4 })
    expect(width).toBe(7680)
    expect(frames).toHaveLength(2)
    expectNear(colorAt(frames[1]!, SIDE, 0.5, 0.5), RED)
  })

  test('are rejected with the name of a codec that cannot be decoded', async ({ page }) => {
    const file = ffmpeg('mp4', 'color=red:s=64x64:r=4:d=0.5', '-c:v', 'libx265', '-x265-params', 'log-level=none', '-tag:v', 'hvc1')
    await expect(readClip(page, file)).rejects.toThrow(
      'odd.mp4: expected a video that this browser can decode (mostly H.264, VP9 or AV1 in MP4, MOV, WebM or MKV), got hevc.',
    )
  })

  test('are rejected if they are truncated, empty or without a video track', async ({ page }) => {
    const file = ffmpeg('mp4', 'color=red:s=64x64:r=4:d=1', '-pix_fmt', 'yuv420p', '-c:v', 'libx264')
    // the index of an MP4 is at its end
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
