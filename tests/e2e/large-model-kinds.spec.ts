// The other kinds of LTX-Video and of its text encoder, from download to clip: guided; distilled with ancestral sampling; GGUF.
import type { Page } from '@playwright/test'
import { downloadedModelUrl, manifestOfDownloaded } from '../../src/shared/model-address'
import type { DownloadedEntries } from '../../src/shared/model-address'
import type { GenerateRequest } from '../../src/shared/request'
import { CATALOGUE } from '../../src/shared/model-catalogue'
import { writeSafetensors } from '../../workers/weights/safetensors'
import { CLIP_MS, expect, generate, type Finished } from './app'
import { download, openModels, withTinyHubPage } from './tiny-hub'
import { tinyGgufT5 } from './tiny-gguf-t5'
import { tinyDevLtx, tinyLtx, tinyT5, tinyTokenizer } from './tiny-ltx'

/** One more than the index of the block that 0.9.5's spatio-temporal guidance skips. */
const DEV_BLOCKS = 20
const DEV = 'LTX-Video 2B 0.9.5'
const ANCESTRAL = 'LTX-Video 2B 0.9.6 distilled'
const OTHER = 'LTX-Video 2B 0.9.8 distilled'

const test = withTinyHubPage(() => {
  const { gguf, safetensors } = tinyGgufT5()
  return {
    'ltx-video-2b-v0.9.5.safetensors': tinyDevLtx(DEV_BLOCKS),
    'ltxv-2b-0.9.6-distilled-04-25.safetensors': tinyLtx(),
    't5xxl_fp8_e4m3fn.safetensors': tinyT5(),
    't5xxl_fp16.safetensors': safetensors,
    't5-v1_1-xxl-encoder-Q8_0.gguf': gguf,
    'tokenizer.json': tinyTokenizer,
    // another model under a name of the catalogue
    'ltxv-2b-0.9.8-distilled.safetensors': writeSafetensors({ 'blocks.0.self_attn.norm_q.weight': { dtype: 'F32', shape: [4], values: new Float32Array(4) } }),
  }
})

const SMALL = { prompt: 'a red sailboat over the sea', width: 64, height: 64, frames: 9, fps: 24, seed: 3 }

/** Generates a small clip with a model by its name, with the model's own settings and `changes`. */
function make(page: Page, name: string, changes: Partial<GenerateRequest> = {}, encoder = 't5-xxl-fp8'): Promise<Finished> {
  const video = CATALOGUE.find((source) => source.name === name)!
  const { steps, guidance, guided } = manifestOfDownloaded({ video } as DownloadedEntries)
  const request: GenerateRequest = { model: video.id, ...SMALL, steps: Math.max(2, steps.min), guidance: guidance.default, ...guided, ...changes }
  return generate(page, request, { modelUrl: downloadedModelUrl(video.id, encoder) })
}

test('0.9.5: the negative prompt, spatio-temporal guidance and rescale each change the clip', async ({ page, site }) => {
  test.setTimeout(2 * CLIP_MS)
  await openModels(page, site)
  await download(page, DEV)
  const own = await make(page, DEV)
  expect(own.report.stepMs).toHaveLength(2)
  const frames = own.report.framesSha256
  const changes: Partial<GenerateRequest>[] = [{ negativePrompt: 'a white sea' }, { stg: { scale: 0, skipBlocks: [] } }, { guidanceRescale: 0 }]
  for (const change of changes) expect((await make(page, DEV, change)).report.framesSha256, JSON.stringify(change)).not.toBe(frames)
})

test('0.9.6 distilled: ancestral sampling is repeatable for the same seed', async ({ page, site }) => {
  test.setTimeout(2 * CLIP_MS)
  await openModels(page, site)
  await download(page, ANCESTRAL)
  const { report } = await make(page, ANCESTRAL)
  expect(report.stepMs).toHaveLength(8)
  await page.reload()
  expect((await make(page, ANCESTRAL)).report.framesSha256).toBe(report.framesSha256)
  expect((await make(page, ANCESTRAL, { seed: 4 })).report.framesSha256).not.toBe(report.framesSha256)
})

test('gives the same clip with an encoder in GGUF and with its values in safetensors', async ({ page, site }) => {
  test.setTimeout(2 * CLIP_MS)
  await openModels(page, site)
  for (const encoder of ['GGUF Q8_0', '16-bit floats']) {
    await page.getByRole('radio', { name: `T5 XXL encoder, ${encoder}` }).check()
    await download(page, ANCESTRAL)
  }
  const gguf = await make(page, ANCESTRAL, {}, 't5-xxl-q8')
  const safetensors = await make(page, ANCESTRAL, {}, 't5-xxl-fp16')
  expect(gguf.report.latentsSha256).toBe(safetensors.report.latentsSha256)
  expect((await make(page, ANCESTRAL, { prompt: 'a white sea' }, 't5-xxl-q8')).report.latentsSha256, 'the prompt matters').not.toBe(gguf.report.latentsSha256)
})

test('rejects the file of another model by name, and uploads nothing of it', async ({ page, site }) => {
  await openModels(page, site)
  await download(page, OTHER)
  // a worker that has loaded nothing yet
  await page.reload()
  await expect(make(page, OTHER)).rejects.toThrow(
    'weights-corrupt: ltxv-2b-0.9.8-distilled.safetensors contains Wan; Kinora runs LTX-Video 2B (0.9.0 to 0.9.8) and T5 v1.1 encoders.',
  )
  expect(await page.evaluate(() => window.kinora!.gpuBuffers())).toEqual({ live: 0, weights: 0 })
})
