// npm run generate with a model that it downloads first: licenses, progress, the clip, and the clip again from the profile alone.
import { execFile } from 'node:child_process'
import { cpSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { dist } from '../../scripts/build.mjs'
import { root } from '../../scripts/process.mjs'
import { serveBuild } from '../../scripts/serve.mjs'
import { CLIP_MS, expect, test } from './app'
import { ModelHub } from './model-hub'
import { tinyLtx, tinyT5, tinyTokenizer } from './tiny-ltx'

const MODEL = 'download:ltxv-2b-0.9.8-distilled?encoder=t5-xxl-fp8'

interface Run {
  code: number
  stdout: string
  stderr: string
}

test('downloads a model from a mirror once its licenses are accepted, and keeps it in the profile', async ({}, info) => {
  test.setTimeout(2 * CLIP_MS)
  const hub = new ModelHub({ 'ltxv-2b-0.9.8-distilled.safetensors': tinyLtx(), 't5xxl_fp8_e4m3fn.safetensors': tinyT5(), 'tokenizer.json': tinyTokenizer })
  // the same build with the hub's lengths and hashes in its catalogue
  const folder = info.outputPath('build')
  cpSync(dist, folder, { recursive: true })
  for (const name of readdirSync(join(folder, 'assets'), { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.js'))) {
    const file = join(folder, 'assets', name)
    writeFileSync(file, hub.withHubCatalogue(readFileSync(file, 'utf8')))
  }
  const server = await serveBuild(4700, [hub.plugin(dist)])
  const out = info.outputPath('clip.webm')
  const size = ['--width', '64', '--height', '64', '--frames', '9', '--fps', '24', '--seed', '3']
  const flags = [
    '--prompt',
    'a red sailboat',
    ...size,
    '--out',
    out,
    '--json',
    '--profile',
    info.outputPath('profile'),
    '--model',
    MODEL,
    '--mirror',
    ModelHub.url(server.url),
  ]
  const run = (...more: string[]) =>
    new Promise<Run>((done) => {
      const env = { ...process.env, KINORA_ADAPTER: 'swiftshader', KINORA_BUILD: folder }
      execFile('npm', ['run', 'generate', '--', ...flags, ...more], { cwd: root, env }, (error, stdout, stderr) =>
        done({ code: error ? Number(error.code) : 0, stdout, stderr }),
      )
    })
  try {
    const refused = await run()
    expect(refused.stderr).toContain('LTX-Video 2B 0.9.8 distilled: LTXV Open Weights License 0.X, https://huggingface.co/Lightricks/LTX-Video/')
    expect(refused.stderr).toContain('T5 XXL encoder, 8-bit floats: Apache 2.0, https://')
    expect(refused.stderr).toContain('say --accept-license to download')
    expect(refused.code).toBe(2)
    expect(hub.requested, 'nothing is accepted silently').toEqual([])

    const first = await run('--accept-license')
    expect(first.stderr).toMatch(/LTX-Video 2B 0\.9\.8 distilled: downloading \d+ %/)
    expect(first.code, first.stderr).toBe(0)
    expect(existsSync(out)).toBe(true)
    expect(new Set(hub.requested.map(({ path }) => path)).size).toBe(3)
    const line = JSON.parse(first.stdout.slice(first.stdout.indexOf('{'))) as Record<string, unknown>
    expect(line).toMatchObject({ model: 'ltxv-2b-0.9.8-distilled', steps: 7, guidance: 1, tokens: 8 })

    hub.requested.length = 0
    const second = await run()
    expect(second.code, second.stderr).toBe(0)
    expect((JSON.parse(second.stdout.slice(second.stdout.indexOf('{'))) as Record<string, unknown>).framesSha256).toBe(line.framesSha256)
    expect(hub.requested, 'all files are in the profile').toEqual([])
  } finally {
    await server.close()
  }
})

test('rejects an unknown model and a wrong mirror with exit code 2 before a browser starts', async ({}, info) => {
  const wrong = [
    ['--model', 'download:ltxv-13b?encoder=t5-xxl-fp8', 'No video model is called ltxv-13b'],
    ['--model', 'download:ltxv-2b-0.9.5', 'No text encoder of LTX-Video 2B 0.9.5 is called (nothing)'],
    ['--mirror', 'http://mirror.example/', 'it must start with https:'],
  ] as const
  for (const [flag, value, message] of wrong) {
    const { code, stderr } = await new Promise<Run>((done) => {
      const flags = ['--prompt', 'x', '--out', info.outputPath('none.webm'), flag, value]
      execFile('npm', ['run', 'generate', '--', ...flags], { cwd: root }, (error, stdout, stderr) =>
        done({ code: error ? Number(error.code) : 0, stdout, stderr }),
      )
    })
    expect(stderr).toContain(message)
    expect(code, value).toBe(2)
  }
})
