// Reuse between steps, measured: what each threshold saves, and how far its clips are from those that run whole.
import type { GenerateRequest } from '../../src/shared/request'
import { relativeError } from '../gpu/reference'
import { psnrDb } from './agreement'
import { median } from './clip-frames'
import type { Engine, Measured } from './engine'
import type { Probe } from './probe'
import type { ProbeFacts } from './probe-facts'
import type { EvaluationPrompt } from './prompts'
import { meanScore, scoreRows, type ScoredClip } from './score'

/** Of GenerateRequest.cacheThreshold; the first runs whole. */
const THRESHOLDS = [0, 0.05, 0.1, 0.2]

/** Numbers of steps that are measured where nothing else is said. */
export const CACHE_STEPS: readonly number[] = [10, 20, 30]

/** One number of steps at one threshold; medians over the prompts where nothing else is said. */
export interface CacheRow {
  steps: number
  threshold: number
  /** share of all blocks' evaluations that were left out, of all prompts */
  skipped: number
  /** Measured.denoiseMs over that of the same clip at threshold 0 */
  time: number
  /** of the final latents, |a − b| / |b| */
  latents: number
  /** PSNR of the frames in dB: median, and the least */
  db: number
  leastDb: number
  /** mean share of attributes that the probe reads as they were asked for */
  read: number
}

export interface CacheEvaluation {
  engine: Engine
  probe: Probe
  facts: ProbeFacts
  prompts: readonly EvaluationPrompt[]
  /** but for the steps */
  settings: Omit<GenerateRequest, 'prompt' | 'seed'>
  steps: readonly number[]
  tell: (line: string) => void
}

/** Makes each prompt's clip at every number of steps and threshold. The thresholds take turns, so that a busy machine is unfair to none. */
export async function evaluateCache({ engine, probe, facts, prompts, settings, steps: numbers, tell }: CacheEvaluation): Promise<CacheRow[]> {
  const { blocks, manifest } = engine
  const rows: CacheRow[] = []
  for (const steps of numbers.filter((count) => count >= manifest.steps.min && count <= manifest.steps.max)) {
    const found = THRESHOLDS.map(() => ({
      skipped: [] as number[],
      time: [] as number[],
      latents: [] as number[],
      db: [] as number[],
      clips: [] as ScoredClip[],
    }))
    for (const [index, asked] of prompts.entries()) {
      let whole: Measured | undefined
      for (const [at, cacheThreshold] of THRESHOLDS.entries()) {
        const made = await engine.measure({ ...settings, steps, prompt: asked.prompt, seed: asked.seed, cacheThreshold })
        whole ??= made
        const { clock } = made
        const own = found[at] as (typeof found)[number]
        own.skipped.push((clock.evaluationsSkipped * (blocks - 1)) / (clock.evaluations * blocks))
        own.time.push(made.denoiseMs / whole.denoiseMs)
        own.latents.push(relativeError(made.latents, whole.latents))
        own.db.push(psnrDb(made.clip.frames, whole.clip.frames))
        own.clips.push({ asked, clip: (await probe.read(made.clip)).attributes })
      }
      tell(`${steps} steps, ${index + 1} of ${prompts.length}: ${asked.prompt}`)
    }
    for (const [at, { skipped, time, latents, db, clips }] of found.entries()) {
      const row: CacheRow = {
        steps,
        threshold: THRESHOLDS[at] as number,
        skipped: skipped.reduce((sum, share) => sum + share, 0) / skipped.length,
        time: median(time),
        latents: median(latents),
        db: median(db),
        leastDb: Math.min(...db),
        read: meanScore(scoreRows(clips, facts)).mean,
      }
      rows.push(row)
      tell(rowLine(row))
    }
  }
  return rows
}

/** The rows as a table. Pure. */
export function describeCache(rows: readonly CacheRow[]): string[] {
  return [
    '| steps | threshold | blocks skipped | time | latents differ by | frames agree: median, least | read as asked |',
    '|---|---|---|---|---|---|---|',
    ...rows.map(rowLine),
  ]
}

function rowLine({ steps, threshold, skipped, time, latents, db, leastDb, read }: CacheRow): string {
  const percent = (share: number) => `${(100 * share).toFixed(0)} %`
  return `| ${steps} | ${threshold} | ${percent(skipped)} | ${percent(time)} | ${percent(latents)} | ${db.toFixed(1)}, ${leastDb.toFixed(1)} dB | ${percent(read)} |`
}
