// node scripts/run.mjs scripts/make-profile.ts [FOLDER]: makes a profile as a person of this version has it, by doing what a
// person does on the built page, and packs what the browser keeps of it: FOLDER/profile-VERSION.tar.gz, and what is in it as
// profile-VERSION.json. Run it at a commit to have a profile of that commit; old-profile.spec.ts opens it with later builds.
//
// It takes some minutes on a processor. The large downloaded file is left out of the archive: tiny-ltx.ts makes the same bytes again.
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative, resolve } from 'node:path'
import { gzipSync } from 'node:zlib'
import type { Page } from 'playwright'
import { downloadedModelUrl } from '../src/shared/model-address'
import { parseManifest } from '../src/shared/model'
import { recipeOf } from '../src/shared/recipe'
import type { GenerateRequest } from '../src/shared/request'
import { CLIP_MS, generate, reachStep, smallClip } from '../tests/e2e/app'
import { withPage } from '../tests/e2e/browser'
import { chooseFile, chooseMode, twoColors } from '../tests/e2e/locators'
import { ModelHub } from '../tests/e2e/model-hub'
import { hashOf, profileHub, PROFILE_PORT, readJobs, readLibrary, readQueues, readStorage, type ProfileContents } from '../tests/e2e/profile'
import { card, download } from '../tests/e2e/tiny-hub'
import { tinyLtx } from '../tests/e2e/tiny-ltx'
import { build, dist, isBuilt } from './build.mjs'
import { root } from './process.mjs'
import { serveBuild } from './serve.mjs'

const LTX = { id: 'ltxv-2b-0.9.8-distilled', name: 'LTX-Video 2B 0.9.8 distilled', encoder: 't5-xxl-fp8' } as const
/** Parts of a Chromium profile that belong to a page. */
const KEPT = ['IndexedDB', 'Local Storage', 'File System', 'WebStorage']
/** Steps of a job that is to be stopped on its way. */
const LONG = 12

const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string }
const out = resolve(process.argv[2] ?? join(root, 'tests/e2e/fixtures'))
if (!isBuilt()) await build()
const starter = parseManifest(JSON.parse(readFileSync(join(dist, 'models/starter/kinora.json'), 'utf8')), 'kinora.json')
const profile = mkdtempSync(join(tmpdir(), 'kinora-profile-'))
const hub = profileHub()
const server = await serveBuild(PROFILE_PORT, [hub.plugin(dist)])
try {
  if (server.url !== `http://localhost:${PROFILE_PORT}`) throw new Error(`Port ${PROFILE_PORT} is taken: end what listens there.`)
  const contents = await withPage({ adapter: 'swiftshader', profile }, live)
  pack(contents)
} finally {
  await server.close()
  rmSync(profile, { recursive: true, force: true })
}

/** What a person does. @returns what is there at the end */
async function live(page: Page): Promise<ProfileContents> {
  await page.emulateMedia({ reducedMotion: 'reduce' })
  await step('settings', async () => {
    await page.goto(`${server.url}/#/settings`)
    await page.getByRole('radio', { name: 'Light' }).check()
    await page.locator('input[type=url]').fill(ModelHub.url(server.url))
    await page.locator('input[type=url]').press('Enter')
  })
  await step('a downloaded model, and a clip made with it', async () => {
    await page.goto(`${server.url}/#/models`)
    await card(page, LTX.name).waitFor()
    await download(page, LTX.name)
    const request: GenerateRequest = {
      model: LTX.id,
      prompt: 'a red sailboat over the sea',
      width: 64,
      height: 64,
      frames: 9,
      fps: 24,
      steps: 7,
      guidance: 1,
      seed: 3,
    }
    await generate(page, request, { modelUrl: downloadedModelUrl(LTX.id, LTX.encoder) })
  })
  await step('a still', async () => {
    await generate(page, smallClip(starter, { prompt: 'a yellow kite', frames: 1 }))
  })
  await step('a clip that begins with a picture', async () => {
    await page.goto(`${server.url}/#/create`)
    await fillForm(page, smallClip(starter))
    await chooseMode(page, 'Image to video')
    await chooseFile(page, 'Image', await twoColors(page, 'my own photo.png', '#d43', '#36b', 64))
    await page.getByRole('button', { name: 'Generate', exact: true }).click()
    await page.getByRole('region', { name: 'Your clip' }).waitFor({ timeout: CLIP_MS })
  })
  await step('a queue: one is stopped on its way, one is under way, one waits', async () => {
    await fillForm(page, smallClip(starter, { prompt: 'a blue sky', steps: LONG }))
    await page.getByRole('button', { name: 'Generate', exact: true }).click()
    for (const prompt of ['a green sky', 'a starry night']) {
      await fillForm(page, smallClip(starter, { prompt, steps: starter.steps.max }))
      await page.getByRole('button', { name: 'Add to queue', exact: true }).click()
    }
    await reachStep(page, 4)
    await page.getByRole('button', { name: 'Pause “a blue sky”', exact: true }).click()
    await page.getByRole('button', { name: 'Pause “a green sky”', exact: true }).waitFor({ timeout: CLIP_MS })
  })
  const picture = (await readLibrary(page)).flatMap(({ request }) => request.conditions ?? [])[0]?.source
  if (!picture) throw new Error('The clip was to begin with a picture.')
  const draft: GenerateRequest = {
    ...smallClip(starter, {
      prompt: 'an unfinished thought about a meadow',
      negativePrompt: 'fog and rain',
      frames: 17,
      fps: 12,
      steps: 9,
      guidance: 3.5,
      cacheThreshold: 0.1,
      seed: 424242,
    }),
    conditions: [{ source: picture, atFrame: 0, strength: 0.65, crop: { x: 0.25, y: 0.5, zoom: 2 } }],
  }
  await step('a draft', () => fillForm(page, draft))
  await reachStep(page, 2)
  const [library, jobs, storage] = [await readLibrary(page), await readJobs(page), await readStorage(page)]
  const queue = (await readQueues(page)).flatMap(({ jobs: rows }) => rows as { id: string; status: string; request: GenerateRequest }[])
  return {
    version,
    origin: server.url,
    library,
    draft,
    queue: queue.map(({ id, status, request }) => ({ id, status, request, step: jobs[id] ?? 0 })),
    downloads: [LTX.id, LTX.encoder, 't5-tokenizer'],
    model: LTX,
    files: storage.files,
    history: storage.local['kinora.prompts'] as string[],
    theme: 'light',
    mirror: ModelHub.url(server.url),
    picture: { id: picture.id, name: 'my own photo.png' },
    remade: [],
  }
}

/** Puts every setting into the form, as opening a recipe does. */
async function fillForm(page: Page, request: GenerateRequest): Promise<void> {
  const recipe = recipeOf(request, starter)
  await page
    .locator('input[type=file][accept*=json]')
    .setInputFiles({ name: 'a.recipe.json', mimeType: 'application/json', buffer: Buffer.from(JSON.stringify(recipe)) })
  await page.waitForFunction((words) => [...document.querySelectorAll('textarea')].some(({ value }) => value === words), request.prompt)
  await page.getByRole('alert').getByRole('button', { name: 'OK' }).click()
}

async function step(name: string, action: () => Promise<void>): Promise<void> {
  const startedAt = performance.now()
  await action()
  console.error(`${name} (${((performance.now() - startedAt) / 1000).toFixed(1)} s)`)
}

/** Packs the page's parts of the closed profile. */
function pack(contents: ProfileContents): void {
  const top = join(profile, 'Default')
  const paths = KEPT.flatMap((folder) => (readdirSync(top).includes(folder) ? readdirSync(join(top, folder), { recursive: true, withFileTypes: true }) : []))
    .filter((entry) => entry.isFile() && !/^(LOCK|LOG|LOG\.old)$/.test(entry.name))
    .map((entry) => relative(profile, join(entry.parentPath, entry.name)))
    .toSorted()
  const remade = hashOf(tinyLtx())
  const [large, ...others] = paths.filter((path) => statSync(join(profile, path)).size > 2 ** 20 && hashOf(readFileSync(join(profile, path))) === remade)
  if (large === undefined || others.length > 0) throw new Error('The downloaded checkpoint was to be in the profile once.')
  const [tar, list] = [join(profile, 'packed.tar'), join(profile, 'packed')]
  writeFileSync(list, paths.filter((path) => path !== large).join('\n'))
  execFileSync('tar', ['--create', '--file', tar, '--owner=0', '--group=0', '--numeric-owner', '-C', profile, '-T', list])
  const modifiedMs = Math.floor(statSync(join(profile, large)).mtimeMs)
  mkdirSync(out, { recursive: true })
  writeFileSync(join(out, `profile-${version}.tar.gz`), gzipSync(readFileSync(tar), { level: 9 }))
  writeFileSync(join(out, `profile-${version}.json`), `${JSON.stringify({ ...contents, remade: [{ path: large, sha256: remade, modifiedMs }] }, null, 1)}\n`)
}
