// A third architecture in the page: a folder and a line of the registry. It generates a WebM from text, and the page offers only the
// modes that it supports.
import { cpSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { build } from 'vite'
import { cacheFolder, root } from '../../scripts/process.mjs'
import { writeTinyDit } from '../third-architecture/folder'
import { registerTinyDit } from '../third-architecture/register'
import { CLIP_MS, expect, test } from './app'
import { generateButton, modeInputs, makeClip, promptField } from './locators'

/** The page with the architecture registered, and its model folder in place of the starter's. */
async function buildWithTinyDit(): Promise<string> {
  const outDir = join(cacheFolder, 'third-architecture-dist')
  await build({
    root,
    configFile: join(root, 'vite.config.ts'),
    logLevel: 'error',
    worker: { format: 'es', plugins: () => [registerTinyDit()] },
    build: { outDir, emptyOutDir: true },
  })
  const folder = writeTinyDit('starter')
  rmSync(join(outDir, 'models/starter'), { recursive: true })
  cpSync(folder, join(outDir, 'models/starter'), { recursive: true })
  rmSync(folder, { recursive: true })
  return outDir
}

test('generates a clip from text, and offers only the modes that the model supports', async ({ page, serve }) => {
  test.setTimeout(2 * CLIP_MS)
  const site = await serve([], await buildWithTinyDit())
  await page.goto(site.url)
  await promptField(page).fill('a red balloon over a meadow')

  await test.step('disables modes that need a frame encoder or per-token timesteps, with the reason', async () => {
    const modes = modeInputs(page).getByRole('radiogroup', { name: 'Mode' })
    for (const name of ['Text to video', 'Storyboard']) await expect(modes.getByRole('radio', { name, exact: true })).toBeEnabled()
    for (const name of ['Image to video', 'Keyframes', 'Extend', 'Interpolate', 'Blend', 'Loop', 'Remix', 'Re-time']) {
      await expect(modes.getByRole('radio', { name, exact: true })).toBeDisabled()
    }
    await expect(modeInputs(page)).toContainText('Tiny DiT cannot read images or clips.')
    await expect(page.getByRole('textbox', { name: 'Negative prompt' })).toHaveCount(0)
  })

  await test.step('generates a WebM from text', async () => {
    await expect(generateButton(page)).toBeEnabled()
    const frames = await makeClip(page, { width: 64, height: 64 })
    expect(frames).toHaveLength(9)
    expect(new Set(frames[4]).size).toBeGreaterThan(20)
  })
})
