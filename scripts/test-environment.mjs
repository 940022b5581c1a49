// What the tests need beyond packages: a Chromium, a Vulkan driver that Dawn accepts, and ffprobe.
// Looks for each, installs it where it may (root on Debian), and notes what it found for the other commands.
import { existsSync, mkdirSync, readFileSync, realpathSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { cacheFolder, findOnPath, run, runBin } from './process.mjs'

/** Where the findings are noted: `{ chromium, ffprobe, adapter, env }`. */
export const testEnvironmentFile = join(cacheFolder, 'test-env.json')

const CHROMIUM_NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable', 'chrome']
const SWIFTSHADER = [
  '/usr/lib/chromium/vk_swiftshader_icd.json',
  '/usr/lib/chromium-browser/vk_swiftshader_icd.json',
  '/opt/google/chrome/vk_swiftshader_icd.json',
]

/** @returns {Promise<string[]>} what is missing and how to get it; empty when all is there */
export async function findTestEnvironment() {
  const missing = []
  const chromium = await findChromium()
  if (!chromium) missing.push('a Chromium: install Debian’s package `chromium`, Google Chrome, or run `npx playwright install chromium`')
  const vulkan = await findVulkan()
  if (!vulkan) missing.push('a WebGPU adapter for Dawn: install a Vulkan driver, e.g. Mesa ≥ 23 (`mesa-vulkan-drivers`, from bookworm-backports on Debian 12)')
  const ffprobe = await findFfprobe()
  if (!ffprobe) missing.push('ffprobe: install `ffmpeg`')
  if (missing.length) return missing

  const found = { chromium, ffprobe, adapter: vulkan.adapter, env: vulkan.env }
  const text = JSON.stringify(found, null, 2)
  mkdirSync(cacheFolder, { recursive: true })
  if (!existsSync(testEnvironmentFile) || readFileSync(testEnvironmentFile, 'utf8') !== text) writeFileSync(testEnvironmentFile, text)
  console.log(`Chromium: ${chromium}\nWebGPU in Node: ${vulkan.adapter}\nffprobe: ${ffprobe}`)
  return []
}

/**
 * Chromium's software adapter as a Vulkan driver: the file that a loader is told of, or undefined.
 * @param {string} chromium its program, or a link to it
 */
export function findSwiftshader(chromium) {
  return [join(dirname(realpathSync(chromium)), 'vk_swiftshader_icd.json'), ...SWIFTSHADER].find((file) => existsSync(file))
}

/** An installed Chromium, or Debian's, or Playwright's; its path, or null. */
async function findChromium() {
  const named = process.env.KINORA_CHROMIUM
  if (named) return existsSync(named) ? named : null
  const installed = findOnPath(CHROMIUM_NAMES) ?? (await playwrightChromium())
  if (installed) return installed
  if (isDebianRoot() && (await aptInstall(['chromium']))) return findOnPath(CHROMIUM_NAMES)
  console.error('Fetching Chromium (playwright install)…')
  await runBin('playwright', ['install', ...(process.getuid?.() === 0 ? ['--with-deps'] : []), 'chromium'])
  return playwrightChromium()
}

async function playwrightChromium() {
  const { chromium } = await import('playwright')
  return existsSync(chromium.executablePath()) ? chromium.executablePath() : null
}

/** The adapter that Dawn finds and the environment it needs; null when there is none. The system's driver is preferred to Chromium's SwiftShader, which has no f16. */
async function findVulkan() {
  const own = await probeAdapter({})
  if (own) return { adapter: own, env: {} }
  if (isDebianRoot() && (await installMesa())) {
    const mesa = await probeAdapter({})
    if (mesa) return { adapter: mesa, env: {} }
  }
  for (const file of SWIFTSHADER) {
    const env = { VK_ICD_FILENAMES: file }
    const adapter = existsSync(file) ? await probeAdapter(env) : null
    if (adapter) return { adapter, env }
  }
  return null
}

/** Asks Dawn in a process of its own (a driver may crash): the adapter's name, or null. */
async function probeAdapter(env) {
  const script = `
    import { create } from 'webgpu'
    const adapter = await create([]).requestAdapter()
    if (adapter) console.log('adapter=' + (adapter.info.description || adapter.info.vendor) + (adapter.features.has('shader-f16') ? ', f16' : ', no f16'))
    process.exit(0)`
  const { output } = await run(process.execPath, ['--input-type=module', '-e', script], { capture: true, env, timeoutMs: 60_000 })
  return /adapter=(.*)/.exec(output)?.[1] ?? null
}

/** Mesa's software driver. Debian 12's own (22.3) is refused by Dawn: there it comes from backports. */
async function installMesa() {
  const packages = ['mesa-vulkan-drivers', 'libvulkan1']
  if (osRelease('VERSION_CODENAME') !== 'bookworm') return aptInstall(packages)
  const policy = await run('apt-cache', ['policy'], { capture: true })
  if (!policy.output.includes('bookworm-backports')) {
    writeFileSync('/etc/apt/sources.list.d/bookworm-backports.list', 'deb http://deb.debian.org/debian bookworm-backports main\n')
  }
  return aptInstall(['-t', 'bookworm-backports', ...packages])
}

async function findFfprobe() {
  const installed = findOnPath(['ffprobe'])
  if (installed) return installed
  return isDebianRoot() && (await aptInstall(['ffmpeg'])) ? findOnPath(['ffprobe']) : null
}

let listsUpdated = false

/** apt-get install, with the lists refreshed once (again after new sources); whether it worked. */
async function aptInstall(words) {
  const env = { DEBIAN_FRONTEND: 'noninteractive' }
  if (!listsUpdated || words.includes('-t')) await run('apt-get', ['update', '-qq'], { env })
  listsUpdated = true
  console.error(`Installing ${words.filter((word) => !word.startsWith('-')).join(', ')} (apt-get)…`)
  const { code } = await run('apt-get', ['install', '-y', '-qq', '--no-install-recommends', ...words], { env })
  return code === 0
}

function isDebianRoot() {
  return process.getuid?.() === 0 && osRelease('ID') === 'debian' && findOnPath(['apt-get']) !== null
}

function osRelease(field) {
  try {
    return new RegExp(`^${field}="?([^"\n]*)`, 'm').exec(readFileSync('/etc/os-release', 'utf8'))?.[1] ?? ''
  } catch {
    return ''
  }
}
