// npm run generate: makes one clip with the built page in headless Chromium, through the same workers as a person would.
import { writeFileSync } from 'node:fs'
import type { Page } from 'playwright'
import type { AutomationOptions, AutomationResult } from '../src/rpc/automation'
import type { JobProgress } from '../src/shared/job'
import type { ModeId } from '../src/shared/modes'
import { manifestOfDownloaded } from '../src/shared/model-address'
import { requestProblems } from '../src/shared/request-problems'
import { requestWarnings } from '../src/shared/request-warnings'
import type { RequestWarning } from '../src/shared/request-warnings'
import type { GenerateRequest } from '../src/shared/request'
import type { ModelManifest } from '../src/shared/model'
import { latentGrid } from '../workers/models/latent-grid'
import { fetchManifest } from '../workers/weights/fetch-file'
import { withPage } from '../tests/e2e/browser'
import { build, isBuilt } from './build.mjs'
import { downloadModel, keepPort, mirrorPlugins, portOfProfile, entriesOf } from './download-model'
import { parseFlags, requireKind, UsageError } from './generate-flags'
import type { GenerateFlags } from './generate-flags'
import { watchHostMemory } from './host-memory'
import { serveModel } from './model-folder'
import { modeOf, modeRequest, requireMode, type Keep } from './mode-request'
import { compareModel, modelFlagOf, openRecipe, recipeMode, recipeRequest, requireMedia, withGivenMedia } from './recipe-request'
import { serveBuild } from './serve.mjs'
import { readEmbeds, readNoise, saveLatents } from './tensor-files'

/** Ports of their own, so that a page left open at 4173 is not disturbed. */
const FIRST_PORT = 4300

try {
  await main(process.argv.slice(2))
} catch (error) {
  const usage = error instanceof UsageError
  console.error(`generate: ${error instanceof Error ? firstLine(error.message) : String(error)}`)
  process.exitCode = usage ? 2 : 1
}

async function main(argv: readonly string[]): Promise<void> {
  const flags = parseFlags(argv)
  if (!isBuilt()) {
    console.error('Building…')
    await build()
  }
  const recipe = flags.recipe === undefined ? undefined : await openRecipe(flags.recipe)
  const modelFlag = flags.model ?? (recipe && modelFlagOf(recipe))
  const entries = entriesOf(modelFlag)
  const model = entries ? undefined : serveModel(modelFlag)
  const server = await serveBuild(
    portOfProfile(flags.profile, FIRST_PORT),
    [...(model?.plugins ?? []), ...mirrorPlugins(flags.mirror)],
    process.env.KINORA_BUILD,
  )
  try {
    // whatever can be refused is refused before a browser starts
    keepPort(flags.profile, server.url)
    const modelUrl = model ? server.url + model.path : (modelFlag ?? '')
    const manifest = entries ? manifestOfDownloaded(entries) : await fetchManifest(new AbortController().signal, modelUrl)
    const mode = recipe ? recipeMode(flags, recipe) : modeOf(flags)
    requireMode(mode, manifest)
    const request = recipe ? recipeRequest(flags, recipe, manifest) : toRequest(flags, manifest)
    requireFitting(request, manifest)
    if (recipe) compareModel(recipe, manifest)
    // without a profile the page has stored nothing yet
    if (recipe && flags.profile === undefined) await requireMedia(flags, request, () => Promise.resolve(false))
    const grid = latentGrid(request, manifest)
    const shape = [grid.channels, grid.frames, grid.height, grid.width]
    const options: AutomationOptions = {
      modelUrl,
      autotune: flags.autotune,
      ...(flags.precision && { precision: flags.precision }),
      ...(flags.weights && { weights: flags.weights }),
      ...(flags.noise !== undefined && { noise: readNoise(flags.noise, shape) }),
      ...(flags.embeds !== undefined && { embeds: readEmbeds(flags.embeds) }),
      ...(flags['save-latents'] !== undefined && { keepLatents: true }),
    }
    const adapter = process.env.KINORA_ADAPTER === 'swiftshader' ? 'swiftshader' : 'default'
    await withPage({ adapter, ...(flags.profile && { profile: flags.profile }) }, async (page) => {
      const memory = await watchHostMemory(page)
      await page.goto(server.url)
      await page.waitForFunction(() => window.kinora !== undefined)
      if (entries) await downloadModel(page, server.url, entries, flags.mirror !== undefined, flags['accept-license'])
      const keep: Keep = ({ name, type, bytes }) =>
        page.evaluate(([file, kind, base64]) => window.kinora![kind.startsWith('video/') ? 'saveVideo' : 'saveAsset'](file, kind, base64), [
          name,
          type,
          bytes.toString('base64'),
        ] as const)
      if (recipe) await requireMedia(flags, request, (ref) => page.evaluate((one) => window.kinora!.isStored(one), ref))
      const full = await modeRequest(flags, await withGivenMedia(flags, request, keep), manifest, keep)
      requireKind(full.frames, flags.out)
      requireFitting(full, manifest)
      for (const warning of requestWarnings(full, manifest)) console.error(`generate: ${warningLine(warning, manifest.name)}`)
      const counted = await countRequests(page, server.url)
      for (const [index, out] of outputs(flags).entries()) {
        const variation = { ...full, seed: (full.seed + index) >>> 0 }
        const result = await generate(page, variation, options)
        writeFileSync(out, Buffer.from(result.webm, 'base64'))
        if (flags['save-latents'] !== undefined && result.latents) saveLatents(flags['save-latents'], result.latents, shape)
        print({ ...flags, out }, mode, variation, manifest, { ...result, report: { ...result.report, peakHostBytes: memory.peakBytes() } }, counted.take())
      }
      memory.stop()
    })
  } finally {
    await server.close()
  }
}

/** The flags, with the model's defaults where nothing was said. */
function toRequest(flags: GenerateFlags, manifest: ModelManifest): GenerateRequest {
  const size = manifest.sizes[0]
  const guidance = flags.guidance ?? manifest.guidance.default
  const { negativePrompt, ...guided } = (guidance > 1 ? manifest.guided : undefined) ?? {}
  const negative = flags.negative ?? negativePrompt
  return {
    model: manifest.id,
    prompt: flags.prompt ?? '',
    ...(negative !== undefined && { negativePrompt: negative }),
    width: flags.width ?? size?.width ?? 0,
    height: flags.height ?? size?.height ?? 0,
    frames: flags.frames ?? manifest.frames.default,
    fps: flags.fps ?? manifest.fps.default,
    steps: flags.steps ?? manifest.steps.default,
    guidance,
    ...guided,
    ...(flags.cache && { cacheThreshold: flags.cache }),
    seed: flags.seed ?? Math.floor(Math.random() * 2 ** 32),
  }
}

/** @throws UsageError when the model does not allow it */
function requireFitting(request: GenerateRequest, manifest: ModelManifest): void {
  const problem = requestProblems(request, manifest)[0]
  if (problem) throw new UsageError(`--${problem.field}: expected ${problem.expected}, got ${problem.got}${problem.reason ? `: ${problem.reason}` : ''}`)
}

/** A warning that a setting is outside the training data; the clip is generated nevertheless. */
function warningLine({ field, kind, got, expected, chunks }: RequestWarning, modelName: string): string {
  if (kind === 'chunks')
    return `--${field}: ${got} is longer than ${modelName} was trained on (${expected}); generating ${chunks} parts that continue each other`
  return `--${field}: ${modelName} was not trained on ${got}, only on ${expected}; the quality may be poor`
}

type Finished = Extract<AutomationResult, { ok: true }>

/** Where the clips go: variations are numbered. */
function outputs({ out, variations = 1 }: GenerateFlags): string[] {
  if (variations === 1) return [out]
  return Array.from({ length: variations }, (_, index) => out.replace(/(\.\w+)$/, `-${index + 1}$1`))
}

/** Counts the requests of the page from now on. `take` gives their number since it was last called, and throws if one left the page's origin. */
async function countRequests(page: Page, origin: string): Promise<{ take(): number }> {
  let requests = 0
  const elsewhere: string[] = []
  page.context().on('request', (sent) => {
    const url = new URL(sent.url())
    if (url.protocol === 'blob:' || url.protocol === 'data:') return
    requests++
    if (url.origin !== origin) elsewhere.push(url.href)
  })
  let said = ''
  await page.exposeFunction('reportProgress', (event: JobProgress) => {
    const words = describe(event)
    if (words !== said) console.error(words)
    said = words
  })
  return {
    take() {
      if (elsewhere.length) throw new Error(`a request left the page's origin: ${elsewhere[0]}`)
      const counted = requests
      requests = 0
      return counted
    },
  }
}

/** Runs the job in the page. */
async function generate(page: Page, request: GenerateRequest, options: AutomationOptions): Promise<Finished> {
  const result = await page.evaluate(
    ([what, how]) => {
      const { reportProgress } = window as unknown as { reportProgress: (event: JobProgress) => Promise<void> }
      return window.kinora!.generate(what, how, (event) => void reportProgress(event))
    },
    [request, options] as const,
  )
  if (!result.ok) throw new Error(result.error.message)
  return result
}

function describe({ stage, step, steps, etaSeconds, loadedBytes, totalBytes, piece, pieces }: JobProgress): string {
  const count = step !== undefined && steps !== undefined ? ` ${step} of ${steps}` : ''
  const bytes = loadedBytes !== undefined && totalBytes ? ` ${10 * Math.floor((10 * loadedBytes) / totalBytes)} %` : ''
  const part = piece === undefined ? '' : `piece ${piece} of ${pieces}: `
  return `${part}${stage}${count}${bytes}${etaSeconds === undefined ? '' : `, ${Math.ceil(etaSeconds)} s left`}`
}

function print(flags: GenerateFlags, mode: ModeId, request: GenerateRequest, manifest: ModelManifest, { report, saveError }: Finished, requests: number): void {
  if (saveError) console.error(`not kept in the library: ${saveError.message}`)
  const { model: _id, negativePrompt, prompt, seed, width, height, frames, fps, steps, guidance, cacheThreshold } = request
  const line = {
    mode,
    prompt,
    ...(negativePrompt !== undefined && { negativePrompt }),
    seed,
    width,
    height,
    frames,
    fps,
    steps,
    guidance,
    ...(cacheThreshold !== undefined && { cacheThreshold, evaluations: report.evaluations, evaluationsSkipped: report.evaluationsSkipped }),
    model: manifest.id,
    adapter: report.adapter,
    precision: report.precision,
    kernels: report.kernels,
    tokens: report.tokens,
    textMs: report.textMs,
    compileMs: report.compileMs,
    stepMs: report.stepMs,
    decodeMs: report.decodeMs,
    encodeMs: report.encodeMs,
    totalMs: report.totalMs,
    weightGpuBytes: report.weightGpuBytes,
    peakGpuBytes: report.peakGpuBytes,
    peakHostBytes: report.peakHostBytes,
    requests,
    latentsSha256: report.latentsSha256,
    framesSha256: report.framesSha256,
    out: flags.out,
  }
  if (flags.json) console.log(JSON.stringify(line))
  else {
    const { adapter, precision, totalMs, peakGpuBytes } = report
    console.log(`${flags.out}: ${width}×${height}, ${frames} frames at ${fps} fps, seed ${seed}, ${steps} steps`)
    if (cacheThreshold !== undefined) console.log(`${report.evaluationsSkipped} of ${report.evaluations} forward passes ran the first block alone`)
    console.log(`${(totalMs / 1000).toFixed(1)} s on ${adapter} (${precision}), at most ${Math.round(peakGpuBytes / 2 ** 20)} MiB of GPU memory`)
  }
}

/** Browser drivers append their call logs. */
function firstLine(message: string): string {
  return message.split('\n')[0] ?? message
}
