// Videos are read as the browser's own player shows them: a <video> element on the same file is the judge.
import type { Page } from '@playwright/test'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from './harness/serve'

const FPS = 8
const SIDE = { width: 32, height: 32 }
/** Levels of 255. A player converts on the GPU, a canvas on the processor. */
const TOLERANCE = 6

type Rgb = readonly number[]

const fixture = (name: string): Buffer => readFileSync(new URL(`./fixtures/${name}`, import.meta.url))

/** A file that ffmpeg makes of a test source; `args` stand between the source and the file. */
function ffmpeg(extension: string, source: string, ...args: string[]): Buffer {
  const folder = mkdtempSync(join(tmpdir(), 'kinora-as-played-'))
  try {
    const file = join(folder, `file.${extension}`)
    execFileSync('ffmpeg', ['-v', 'error', '-f', 'lavfi', '-i', source, ...args, file])
    return readFileSync(file)
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** What the player says of a file, and the color in the middle of its picture at each time. */
function played(page: Page, bytes: Buffer, times: readonly number[]): Promise<{ seconds: number; colors: number[][] }> {
  return page.evaluate(
    async ([base64, at]) => {
      const video = document.querySelector('video')!
      video.src = URL.createObjectURL(new Blob([Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0))]))
      await new Promise((ready, failed) => {
        video.onloadeddata = ready
        video.onerror = () => failed(new Error(video.error?.message))
      })
      const context = new OffscreenCanvas(1, 1).getContext('2d', { willReadFrequently: true })!
      const colors: number[][] = []
      for (const time of at) {
        const shown = new Promise((resolve) => video.requestVideoFrameCallback(resolve))
        const sought = new Promise((resolve) => (video.onseeked = resolve))
        video.currentTime = time
        await sought
        // `seeked` alone may come before the picture does, and the same picture is not presented again
        await Promise.race([shown, new Promise((resolve) => setTimeout(resolve, 500))])
        context.drawImage(video, video.videoWidth / 2, video.videoHeight / 2, 1, 1, 0, 0, 1, 1)
        colors.push([...context.getImageData(0, 0, 1, 1).data.subarray(0, 3)])
      }
      return { seconds: video.duration, colors }
    },
    [bytes.toString('base64'), times] as const,
  )
}

/** The same of the reader. */
async function read(page: Page, bytes: Buffer, fps = FPS): Promise<{ seconds: number; colors: number[][] }> {
  const { seconds, frames } = await page.evaluate(
    ([base64, how]) =>
      window.workers.media.clip(
        Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0)),
        'clip',
        how,
      ),
    [bytes.toString('base64'), { ...SIDE, fps, most: 100 }] as const,
  )
  const middle = 4 * ((SIDE.height / 2) * SIDE.width + SIDE.width / 2)
  return { seconds, colors: frames.map((frame) => frame.slice(middle, middle + 3)) }
}

const whole = (page: Page, bytes: Buffer, name = 'clip') =>
  page.evaluate(
    ([base64, file]) =>
      window.workers.media.whole(
        Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0)),
        file,
      ),
    [bytes.toString('base64'), name] as const,
  )

function expectColor(found: Rgb | undefined, expected: Rgb | undefined, what: string): void {
  const worst = Math.max(...expected!.map((value, index) => Math.abs(value - found![index]!)))
  expect(worst, `${what}: ${found} for ${expected}`).toBeLessThanOrEqual(TOLERANCE)
}

/**
 * Reads a file as the player shows it, frame by frame.
 * @param length of the video; the player's where nothing is said
 */
async function expectAsPlayed(page: Page, bytes: Buffer, length?: number): Promise<number[][]> {
  const { seconds, colors } = await read(page, bytes)
  const player = await played(
    page,
    bytes,
    colors.map((_, index) => (index + 0.5) / FPS),
  )
  if (length !== undefined) expect(seconds).toBeCloseTo(length, 2)
  else if (Number.isFinite(player.seconds)) expect(Math.abs(seconds - player.seconds), `${seconds} s for ${player.seconds} s`).toBeLessThan(0.5 / FPS)
  colors.forEach((color, index) => expectColor(color, player.colors[index], `frame ${index}`))
  return colors
}

/** Writes an edit list in place of the one that ffmpeg writes. @param ticks a second's of the movie and of the track */
function withEdit(mp4: Buffer, segmentDuration: number, mediaTime: number): Buffer {
  const bytes = Buffer.from(mp4)
  const at = bytes.indexOf('elst')
  expect(bytes.readUInt32BE(at + 8), 'one edit').toBe(1)
  bytes.writeUInt32BE(segmentDuration, at + 12)
  bytes.writeInt32BE(mediaTime, at + 16)
  return bytes
}

const GREEN_ISH = 'color=0x20b040'
const X264 = ['-pix_fmt', 'yuv420p', '-c:v', 'libx264'] as const

test.describe('colors', () => {
  for (const [what, extension, size, args] of [
    ['untagged, below 720 lines', 'mp4', '640x480', X264],
    ['untagged, of 720 lines', 'mp4', '1280x720', X264],
    ['untagged, upright', 'mp4', '480x854', X264],
    [
      'tagged BT.709, below 720 lines',
      'mp4',
      '640x480',
      [...X264, '-vf', 'scale=out_color_matrix=bt709', '-colorspace', 'bt709', '-color_primaries', 'bt709', '-color_trc', 'bt709', '-color_range', 'tv'],
    ],
    [
      'tagged BT.601, of 720 lines',
      'mp4',
      '1280x720',
      [...X264, '-colorspace', 'smpte170m', '-color_primaries', 'smpte170m', '-color_trc', 'smpte170m', '-color_range', 'tv'],
    ],
    ['of full range, else untagged', 'mp4', '320x240', ['-pix_fmt', 'yuvj420p', '-c:v', 'libx264', '-color_range', 'pc']],
    [
      'of full range, tagged',
      'mp4',
      '320x240',
      ['-pix_fmt', 'yuvj420p', '-c:v', 'libx264', '-color_range', 'pc', '-colorspace', 'smpte170m', '-color_primaries', 'smpte170m', '-color_trc', 'smpte170m'],
    ],
    ['with a matrix alone', 'mp4', '320x240', [...X264, '-vf', 'scale=out_color_matrix=bt709', '-colorspace', 'bt709']],
    ['VP9, untagged, below 720 lines', 'webm', '320x240', ['-c:v', 'libvpx-vp9']],
    ['VP9, untagged, of 720 lines', 'webm', '1280x720', ['-c:v', 'libvpx-vp9', '-cpu-used', '8']],
    ['VP8, untagged', 'webm', '320x240', ['-c:v', 'libvpx']],
    ['VP8, untagged, of 720 lines', 'webm', '1280x720', ['-c:v', 'libvpx', '-cpu-used', '8']],
    ['AV1, untagged', 'mp4', '320x240', ['-c:v', 'libaom-av1', '-cpu-used', '8']],
  ] as const) {
    test(what, async ({ page }) => {
      await expectAsPlayed(page, ffmpeg(extension, `${GREEN_ISH}:s=${size}:r=8:d=0.5`, ...args))
    })
  }

  for (const name of ['recorded-vp8.webm', 'recorded-vp9.mp4']) {
    test(`of MediaRecorder: ${name}`, async ({ page }) => {
      const [first] = await expectAsPlayed(page, fixture(name))
      expectColor(first, [220, 40, 39], 'the color that was recorded')
    })
  }
})

test.describe('an edit list holds', () => {
  // red, green, blue: a second each, of 12 frames with a key frame in each second
  const colors = () =>
    ffmpeg(
      'mp4',
      'color=red:s=64x64:r=12:d=1[a];color=0x00ff00:s=64x64:r=12:d=1[b];color=blue:s=64x64:r=12:d=1[c];[a][b][c]concat=n=3',
      ...X264,
      '-g',
      '12',
      '-bf',
      '0',
    )
  const MOVIE_TICKS = 1000
  const TRACK_TICKS = 12_288

  test('at its start', async ({ page }) => {
    const seen = await expectAsPlayed(page, withEdit(colors(), 2 * MOVIE_TICKS, TRACK_TICKS))
    expect(seen).toHaveLength(16)
    expect(seen[0]![1]).toBeGreaterThan(200)
  })

  test('at its end', async ({ page }) => {
    // Chromium plays on up to the next key frame
    const seen = await expectAsPlayed(page, withEdit(colors(), 1.5 * MOVIE_TICKS, 0), 1.5)
    expect(seen).toHaveLength(12)
    expect(seen.at(-1)![1]).toBeGreaterThan(200)
  })

  test('at both, between key frames', async ({ page }) => {
    const seen = await expectAsPlayed(page, withEdit(colors(), 1 * MOVIE_TICKS, 1.5 * TRACK_TICKS), 1)
    expect(seen).toHaveLength(8)
    expect(seen[0]![1]).toBeGreaterThan(200)
    expect(seen.at(-1)![2]).toBeGreaterThan(200)
  })

  test('of a file as cameras and editors write them', async ({ page }) => {
    const seen = await expectAsPlayed(page, fixture('edit-list.mp4'))
    expect((await read(page, fixture('edit-list.mp4'))).seconds).toBeCloseTo(1.4, 2)
    expect(seen[0]![2], 'the first frame is blue').toBeGreaterThan(200)
    for (const [red = 0] of seen) expect(red, 'what is cut is not shown').toBeLessThan(60)
  })

  test('with frames that are stored out of order', async ({ page }) => {
    const file = ffmpeg('mp4', 'testsrc2=s=64x64:r=8:d=2', ...X264, '-bf', '3')
    expect((await expectAsPlayed(page, file)).length).toBe(16)
  })
})

test('a last frame without a length is the last one that is read', async ({ page }) => {
  for (const fps of [8, 24]) {
    const { colors } = await read(page, fixture('slideshow.mp4'), fps)
    expect(colors.at(-1)![2], `at ${fps} frames a second`).toBeGreaterThan(200)
    expect(colors[0]![2]).toBeLessThan(100)
  }
})

test.describe('a file that is not whole', () => {
  test('is used up to where it is cut off', async ({ page }) => {
    const { seconds, ofSeconds } = await whole(page, fixture('cut2.webm'))
    expect(seconds).toBeCloseTo(3, 2)
    expect(ofSeconds).toBeCloseTo(5, 2)
  })

  test('is refused by its name when nothing of it can be decoded', async ({ page }) => {
    await expect(whole(page, fixture('damaged.mp4'), 'damaged.mp4')).rejects.toThrow(
      /damaged\.mp4: expected a video that this browser can decode .*, got a damaged file/,
    )
  })

  test('is refused when it is damaged in its middle, and a whole one is used to its end', async ({ page }) => {
    const file = ffmpeg('mp4', 'testsrc2=s=128x128:r=8:d=3', ...X264, '-g', '8', '-bf', '0', '-movflags', '+faststart')
    expect(await whole(page, file)).toEqual({ seconds: 3, ofSeconds: 3 })
    const data = file.indexOf('mdat') + 4
    const damaged = Buffer.from(file)
    damaged.fill(0xff, data + Math.floor((file.length - data) / 2))
    await expect(whole(page, damaged, 'holiday.mp4')).rejects.toThrow(/holiday\.mp4: .*, got a damaged file: it cannot be decoded from \d\.\d\d s on/)
  })

  test('is used up to its end when its index is in front', async ({ page }) => {
    const file = ffmpeg('mp4', 'testsrc2=s=128x128:r=8:d=3', ...X264, '-g', '8', '-bf', '0', '-movflags', '+faststart')
    const { seconds, ofSeconds } = await whole(page, file.subarray(0, Math.floor(file.length * 0.7)))
    expect(ofSeconds).toBe(3)
    expect(seconds).toBeGreaterThan(0.9)
    expect(seconds).toBeLessThan(3)
  })
})

test('every size of clip is cut from every size of video', async ({ page }) => {
  test.slow()
  const sizes = [
    [176, 96],
    [96, 176],
    [64, 64],
    [96, 64],
  ] as const
  for (const source of ['1280x720', '854x480', '641x359', '1080x1920']) {
    const file = ffmpeg('mp4', `color=red:s=${source}:r=8:d=0.25`, '-pix_fmt', 'yuv444p', '-c:v', 'libx264', '-preset', 'ultrafast')
    for (const [width, height] of sizes) {
      const count = await page.evaluate(
        async ([base64, how]) =>
          (
            await window.workers.media.clip(
              Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0)),
              'clip',
              how,
            )
          ).frames.length,
        [file.toString('base64'), { width, height, fps: FPS, most: 1 }] as const,
      )
      expect(count, `${source} for ${width}×${height}`).toBe(1)
    }
  }
})

test('what cannot be decoded is named', async ({ page }) => {
  await expect(read(page, fixture('theora.ogv'))).rejects.toThrow(/got Theora in Ogg/)
  await expect(read(page, ffmpeg('avi', 'color=red:s=64x64:r=4:d=0.5', '-c:v', 'mjpeg'))).rejects.toThrow(/got AVI/)
})
