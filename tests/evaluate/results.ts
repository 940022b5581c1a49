// Saved results of `npm run evaluate -- --save`: JSON files in results/, and results/README.md with the tables of all of them.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { root } from '../../scripts/process.mjs'
import { median } from './clip-frames'
import { describeCache, type CacheRow } from './first-block-cache'
import type { ModeRow } from './modes'

const FOLDER = join(root, 'tests/evaluate/results')
const TABLES = join(FOLDER, 'README.md')

const HEAD = `# Evaluation results

Written by \`npm run evaluate -- --save\` from the JSON files in this folder: do not edit. What is measured, and how: [tests/evaluate](../README.md).`

/** What a result was measured with. */
export interface Conditions {
  /** ISO 8601 */
  date: string
  adapter: string
  precision: string
  /** name and version */
  model: string
  width: number
  height: number
  frames: number
  guidance: number
}

/** The modes, by their figures; `steps` of each clip. */
export interface SavedModes extends Conditions {
  steps: number
  modes: readonly ModeRow[]
}

/** The first-block cache; `prompts` that each row is measured with. */
export interface SavedCache extends Conditions {
  prompts: number
  rows: readonly CacheRow[]
}

const FILES = { modes: 'modes.json', cache: 'first-block-cache.json' } as const

/** Replaces the saved result of the modes. @returns the file's path */
export function saveModes(result: SavedModes): string {
  return save(FILES.modes, result)
}

/** Replaces the saved result of the first-block cache; rows of other numbers of steps stay, for each can be measured by itself. @returns the file's path */
export function saveCache(result: SavedCache): string {
  const earlier = read<SavedCache>(FILES.cache)
  const others = earlier?.rows.filter((row) => !result.rows.some(({ steps }) => steps === row.steps)) ?? []
  return save(FILES.cache, { ...result, rows: [...others, ...result.rows].sort((a, b) => a.steps - b.steps || a.threshold - b.threshold) })
}

/** The tables of what is saved, as Markdown. Pure. */
export function resultTables(modes: SavedModes | undefined, cache: SavedCache | undefined): string[] {
  return [
    ...(modes
      ? ['## Modes', `${conditionsLine(modes)}, ${modes.steps} steps. A step is the mean difference of two neighbouring frames.`, modesTable(modes.modes)]
      : []),
    ...(cache
      ? [
          '## First-block cache',
          `${conditionsLine(cache)}, ${cache.prompts} prompts. Against the same clip at threshold 0, medians over the prompts; on a software adapter the time is CPU time.`,
          describeCache(cache.rows).join('\n'),
        ]
      : []),
  ]
}

function save(name: string, result: object): string {
  mkdirSync(FOLDER, { recursive: true })
  writeFileSync(join(FOLDER, name), `${JSON.stringify(result, null, 1)}\n`)
  const tables = resultTables(read(FILES.modes), read(FILES.cache))
  writeFileSync(TABLES, [HEAD, ...tables].join('\n\n') + '\n')
  return relative(root, join(FOLDER, name))
}

function read<T>(name: string): T | undefined {
  const file = join(FOLDER, name)
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as T) : undefined
}

function conditionsLine({ date, adapter, precision, model, width, height, frames, guidance }: Conditions): string {
  return `${date.slice(0, 10)}; ${adapter}, ${precision}; ${model}, ${width} × ${height}, ${frames} frames, guidance ${guidance}`
}

function modesTable(rows: readonly ModeRow[]): string {
  const lines = rows.map(({ mode, figure, least, most, values, met }) => {
    const bar = least === most ? String(least) : `${least}–${most}`
    if (values.length === 0) return `| ${mode} | ${figure} | ${bar} | – | – | – |`
    return `| ${mode} | ${figure} | ${bar} | ${median(values).toFixed(2)} | ${Math.min(...values).toFixed(2)}–${Math.max(...values).toFixed(2)} | ${met} of ${values.length} |`
  })
  return ['| mode | figure | bar | median | range | clips within the bar |', '|---|---|---|---|---|---|', ...lines].join('\n')
}
