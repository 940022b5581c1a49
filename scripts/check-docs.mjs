// The documentation's links and file names: every relative link and anchor leads somewhere, and every path in `code` exists.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { root } from './process.mjs'

/** Folders with Markdown files of ours. */
const FOLDERS = ['docs', 'shaders', 'tests', 'training', 'public/models']
/** A path from the root of the repository: `workers/models/registry.ts`, `docs/adr/`. Paths with placeholders (`<op>`, `*`, WORLD) are none. */
const PATH = /^(?!.*\/[A-Z]+\/)(src|workers|shaders|tests|training|scripts|docs|public)\/[\w./-]*$/

/** Checks all Markdown files. @returns exit code, and one line for each problem */
export function checkDocs() {
  const files = [...readdirSync(root).map((name) => join(root, name)), ...FOLDERS.flatMap((folder) => filesBelow(join(root, folder)))].filter((file) => file.endsWith('.md'))
  const problems = files.flatMap((file) => problemsOf(file).map((problem) => `${relative(root, file).replaceAll('\\', '/')}: ${problem}\n`))
  return { code: problems.length ? 1 : 0, output: problems.join('') }
}

function filesBelow(folder) {
  return readdirSync(folder, { recursive: true }).map((name) => join(folder, String(name)))
}

function problemsOf(file) {
  const text = withoutBlocks(readFileSync(file, 'utf8'))
  const links = [...text.matchAll(/\[[^\]]*\]\(([^)\s]+)\)/g)].map((match) => match[1]).filter((link) => !/^[a-z]+:/.test(link))
  const paths = [...text.matchAll(/`([^`\n]+)`/g)].map((match) => match[1]).filter((word) => PATH.test(word))
  return [
    ...links.filter((link) => !leadsSomewhere(file, link)).map((link) => `the link to ${link} leads nowhere: expected a file, and a heading where it has a #`),
    ...paths.filter((path) => !existsSync(join(root, path))).map((path) => `${path} does not exist: expected a path from the root of the repository`),
  ]
}

function leadsSomewhere(file, link) {
  const [path, anchor] = link.split('#')
  const target = path ? resolve(dirname(file), path) : file
  if (!existsSync(target)) return false
  return !anchor || !target.endsWith('.md') || anchorsOf(target).has(anchor)
}

/** As GitHub makes them of headings; of equal ones the first. */
function anchorsOf(file) {
  const headings = [...withoutBlocks(readFileSync(file, 'utf8')).matchAll(/^#+ (.*)$/gm)].map((match) => match[1])
  return new Set(headings.map((heading) => heading.trim().toLowerCase().replace(/[^\p{L}\p{N}\p{M}_ -]/gu, '').replaceAll(' ', '-')))
}

/** Examples in fenced blocks have links and paths of their own. */
function withoutBlocks(text) {
  return text.replace(/^ *```[\s\S]*?^ *```/gm, '')
}
