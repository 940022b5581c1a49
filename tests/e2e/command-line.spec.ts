// npm run generate, as a script uses it.
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { dist } from '../../scripts/build.mjs'
import { root } from '../../scripts/process.mjs'
import { openSafetensors } from '../../workers/weights/safetensors'
import { expect, smallClip, test, type App } from './app'

interface Run {
  code: number
  stdout: string
  stderr: string
}

function npmRunGenerate(...flags: string[]): Promise<Run> {
  return new Promise((done) => {
    execFile('npm', ['run', 'generate', '--', ...flags], { cwd: root, env: { ...process.env, KINORA_ADAPTER: 'swiftshader' } }, (error, stdout, stderr) => {
      done({ code: error ? Number(error.code) : 0, stdout, stderr })
    })
  })
}

const KEYS =
  'mode prompt seed width height frames fps steps guidance model adapter precision kernels tokens textMs compileMs stepMs decodeMs encodeMs totalMs ' +
  'weightGpuBytes peakGpuBytes peakHostBytes requests latentsSha256 framesSha256 out'

test.describe.serial('npm run generate', () => {
  /** of the first run */
  let line: Record<string, unknown> = {}
  let latents = ''
  let clip = ''
  const flagsOf = (app: App) => {
    const { prompt, width, height, frames, fps, steps, guidance, seed } = smallClip(app.starter, { width: 64, height: 64 })
    const size = ['--width', String(width), '--height', String(height), '--frames', String(frames), '--fps', String(fps)]
    return ['--prompt', prompt, '--seed', String(seed), ...size, '--steps', String(steps), '--guidance', String(guidance)]
  }

  test('writes the WebM and one JSON line', { tag: '@smoke' }, async ({ app }, info) => {
    const { prompt, width, height, frames, fps, steps, guidance, seed } = smallClip(app.starter, { width: 64, height: 64 })
    mkdirSync(info.outputDir, { recursive: true })
    const out = info.outputPath('clip.webm')
    clip = out
    latents = info.outputPath('latents.safetensors')
    const first = await npmRunGenerate(...flagsOf(app), '--out', out, '--save-latents', latents, '--json')
    expect(first.stderr).toContain('denoising')
    expect(first.code).toBe(0)
    expect(first.stdout.trim().split('\n')).toHaveLength(1)
    line = JSON.parse(first.stdout) as Record<string, unknown>
    expect(Object.keys(line)).toEqual(KEYS.split(' '))
    expect(line).toMatchObject({ mode: 't2v', prompt, seed, width, height, frames, fps, steps, guidance, model: app.starter.id, out })
    expect(line.stepMs).toHaveLength(steps)
    expect(line.requests).toBeGreaterThan(0)
    expect(readFileSync(out).subarray(0, 4)).toEqual(Buffer.from([0x1a, 0x45, 0xdf, 0xa3]))

    const saved = openSafetensors(new Uint8Array(readFileSync(latents))).tensor('latents')
    const { channels, scaleSpace, scaleTime } = app.starter.latent
    expect(saved.shape).toEqual([channels, (frames - 1) / scaleTime + 1, height / scaleSpace, width / scaleSpace])
    expect(createHash('sha256').update(saved.bytes).digest('hex')).toBe(line.latentsSha256)
  })

  test('repeats the frames from the clip’s recipe and another model folder, and changes them with given noise', async ({ app }, info) => {
    mkdirSync(info.outputDir, { recursive: true })
    const out = info.outputPath('clip.webm')
    // a model folder from elsewhere on the disk, served under the page's origin: the same weights, the same clip
    const copy = await npmRunGenerate('--recipe', clip, '--out', out, '--model', join(dist, 'models/starter'), '--json')
    expect(copy.stderr).toContain('denoising')
    const again = JSON.parse(copy.stdout) as Record<string, unknown>
    expect([again.latentsSha256, again.framesSha256]).toEqual([line.latentsSha256, line.framesSha256])

    // latents as noise give another clip
    const fromNoise = await npmRunGenerate(...flagsOf(app), '--out', out, '--noise', latents, '--json')
    expect(fromNoise.code).toBe(0)
    expect((JSON.parse(fromNoise.stdout) as Record<string, unknown>).latentsSha256).not.toBe(line.latentsSha256)
  })
})

test('rejects wrong flags and values with exit code 2 and one line', async ({ app }, info) => {
  const out = info.outputPath('none.webm')
  const allowed = app.starter.frames.allowed
  const wrong: [string[], string][] = [
    [['--prompt', 'x', '--out', out, '--sede', '7'], 'sede'],
    [['--prompt', 'x', '--out', out, '--steps', 'many'], '--steps'],
    [['--prompt', 'x', '--out', out, '--model', '/nowhere/at/all'], '--model'],
    [['--prompt', 'x', '--out', out, '--frames', String(Math.max(...allowed) + 1)], `one more than a multiple of ${app.starter.latent.scaleTime}`],
    [['--prompt', 'x', '--out', out, '--noise', '/nowhere.safetensors'], '--noise'],
  ]
  const runs = await Promise.all(wrong.map(async ([flags, message]) => ({ flags, message, ...(await npmRunGenerate(...flags)) })))
  for (const { flags, message, code, stdout, stderr } of runs) {
    expect(code, flags.join(' ')).toBe(2)
    expect(stdout).toBe('')
    expect(stderr.trim().split('\n')).toHaveLength(1)
    expect(stderr).toContain(message)
  }
  expect(existsSync(out)).toBe(false)
})
