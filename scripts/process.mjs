// Starting other programs, for the commands beside this file. Plain Node, no packages: it runs before anything is installed.
import { spawn } from 'node:child_process'
import { existsSync, readdirSync, statSync } from 'node:fs'
import { delimiter, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The repository's root, absolute. */
export const root = resolve(fileURLToPath(import.meta.url), '../..')

/** Where commands leave notes for each other; inside node_modules, so that a fresh install starts afresh. */
export const cacheFolder = join(root, 'node_modules/.cache/kinora')

/**
 * Runs a program in the repository's root.
 * @param {string} command
 * @param {string[]} args
 * @param {{ env?: Record<string, string>, capture?: boolean, timeoutMs?: number }} [options] with `capture` its output is returned, else shown
 * @returns {Promise<{ code: number, output: string }>} code 127 when there is no such program
 */
export function run(command, args, options = {}) {
  return new Promise((done) => {
    const child = spawn(command, args, {
      cwd: root,
      env: { ...process.env, ...options.env },
      stdio: options.capture ? ['ignore', 'pipe', 'pipe'] : 'inherit',
      shell: process.platform === 'win32' && /^np[mx]$/.test(command),
      timeout: options.timeoutMs,
    })
    let output = ''
    child.stdout?.on('data', (chunk) => (output += chunk))
    child.stderr?.on('data', (chunk) => (output += chunk))
    child.on('error', (error) => done({ code: 127, output: `${output}${error.message}\n` }))
    child.on('close', (code, signal) => done({ code: code ?? (signal === 'SIGINT' ? 130 : 1), output }))
  })
}

/** Runs the program of an installed package (node_modules/.bin) without starting npm. */
export function runBin(name, args, options = {}) {
  const windows = process.platform === 'win32'
  return run(join(root, 'node_modules/.bin', windows ? `${name}.cmd` : name), args, options)
}

/** The first of `names` found on PATH, absolute; null when there is none. */
export function findOnPath(names) {
  const endings = process.platform === 'win32' ? ['.exe', '.cmd'] : ['']
  for (const name of names) {
    for (const folder of (process.env.PATH ?? '').split(delimiter)) {
      for (const ending of endings) {
        const file = join(folder, name + ending)
        if (folder && existsSync(file)) return file
      }
    }
  }
  return null
}

/** `12.3 s` since `startedAtMs` (performance.now()). */
export function secondsSince(startedAtMs) {
  return `${((performance.now() - startedAtMs) / 1000).toFixed(1)} s`
}

/**
 * Files at or below some paths of the repository, relative to its root, with / between folders; packages, git's own and hidden folders left out.
 * @param {string[]} paths
 * @param {(path: string) => boolean} [wanted]
 */
export function filesIn(paths, wanted = () => true) {
  const found = []
  const walk = (path) => {
    const full = join(root, path)
    const stats = statSync(full, { throwIfNoEntry: false })
    if (stats?.isDirectory()) {
      for (const name of readdirSync(full).sort()) {
        if (name !== 'node_modules' && name !== '__pycache__' && !name.startsWith('.')) walk(path === '.' ? name : `${path}/${name}`)
      }
    } else if (stats && wanted(path)) found.push(path)
  }
  for (const path of paths) walk(path)
  return found
}
