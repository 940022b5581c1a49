// Videos changed at random: each is read or refused as unreadable, in time.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { randomSource } from '../gpu/reference'
import { mutate } from '../unit/mutate'
import { expect, test } from './harness/serve'

const COUNT = 30
/** Most milliseconds for one file: the reader's own limit for a frame, and some more on a busy machine. */
const MAX_MS = 40_000

/** A small video with all that a demuxer reads. */
function video(extension: string, ...args: string[]): Uint8Array {
  const folder = mkdtempSync(join(tmpdir(), 'kinora-mutated-'))
  try {
    const file = join(folder, `file.${extension}`)
    execFileSync('ffmpeg', ['-v', 'error', '-f', 'lavfi', '-i', 'testsrc=size=64x64:rate=8:duration=1', '-pix_fmt', 'yuv420p', ...args, file])
    return readFileSync(file)
  } finally {
    rmSync(folder, { recursive: true })
  }
}

test('MP4: read or refused, and nothing else', async ({ page }) => {
  test.setTimeout(COUNT * MAX_MS)
  const original = video('mp4', '-c:v', 'libx264', '-movflags', 'faststart')
  const next = randomSource(19)
  const codes: Record<string, number> = {}
  for (let index = 0; index < COUNT; index++) {
    // in the headers, or in all of it
    const bytes = mutate(original, index % 2 === 0 ? Math.min(1200, original.length) : original.length, next)
    const { code, message, ms } = await page.evaluate(async (base64) => {
      const began = performance.now()
      const found = await window.workers.media
        .clip(
          Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0)),
          'changed',
          { width: 32, height: 32, fps: 8, most: 100 },
        )
        .then(() => null, window.workers.toErrorData)
      return { code: found?.code ?? 'read', message: found?.message ?? '', ms: performance.now() - began }
    }, Buffer.from(bytes).toString('base64'))
    expect(['read', 'unreadable-media'], `file ${index}: ${message}`).toContain(code)
    expect(ms, `file ${index}: ${message}`).toBeLessThan(MAX_MS)
    codes[code] = (codes[code] ?? 0) + 1
  }
  expect(codes['unreadable-media'] ?? 0, 'some are damaged').toBeGreaterThan(0)
  expect(codes['read'] ?? 0, 'and some are whole enough').toBeGreaterThan(0)
})
