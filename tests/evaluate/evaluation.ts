// One evaluation: clips of the prompts, read by the probe, scored and compared.
import { join } from 'node:path'
import type { GenerateRequest } from '../../src/shared/request'
import { agreementDb } from './agreement'
import { consistencyOf, meanConsistency, type Consistency } from './consistency'
import type { Engine } from './engine'
import { fitGaussian, frechetDistance } from './frechet'
import { evaluateModes, type ModeRow } from './modes'
import type { Probe, Reading } from './probe'
import type { ProbeFacts } from './probe-facts'
import { promptKey, type EvaluationPrompt } from './prompts'
import { referenceByKey, whyNotComparable, type Reference } from './reference'
import { meetsBars, type Agreement, type CurvePoint, type Report } from './report'
import { isScored, meanScore, scoreRows, type ScoredClip } from './score'
import { spread, writeSheet, type Mistake, type SheetEntry } from './sheet'
import { ATTRIBUTES, CURVE_STEPS } from './world'

/** Clips that the contact sheet shows. */
const SHEET_CLIPS = 24

export interface Evaluation {
  engine: Engine
  probe: Probe
  facts: ProbeFacts
  /** folder of reference.json and its pictures */
  folder: string
  reference: Reference | undefined
  /** all of the prompts file */
  prompts: readonly EvaluationPrompt[]
  /** how many of them, from the first, go through the engine */
  limit: number
  /** how many of those that ask for a movement the ways into a clip are measured with */
  modes: number
  settings: Omit<GenerateRequest, 'prompt' | 'seed'>
  /** measure the step-to-quality curve with the engine */
  curve: boolean
  /** where the contact sheet goes */
  out: string
  /** hears of each finished clip */
  tell: (line: string) => void
}

/** What is kept of a clip once its frames are gone. */
interface Finished {
  asked: EvaluationPrompt
  reading: Reading
  consistency: Consistency
  agreementDb: number | undefined
}

/** Makes and judges all clips. @throws AppError, UsageError */
export async function evaluate(evaluation: Evaluation): Promise<Report> {
  const { engine, facts, reference, prompts, limit, settings, out, folder, tell } = evaluation
  const incomparable = reference ? whyNotComparable(reference, engine.manifest, settings) : 'there is none yet; training/evaluate.py makes it'
  const comparable = incomparable === undefined ? reference : undefined
  const entries = referenceByKey(reference) // readings of renders hold for any model and settings
  const chosen = prompts.slice(0, limit)
  const shown = new Set(spread(chosen.length, SHEET_CLIPS))

  const finished: Finished[] = []
  const sheetEntries: SheetEntry[] = []
  const startedAt = performance.now()
  for (const [index, asked] of chosen.entries()) {
    const clip = await engine.makeClip({ ...settings, prompt: asked.prompt, seed: asked.seed })
    const reading = await evaluation.probe.read(clip)
    const db = comparable && (await agreementDb(folder, comparable, asked, clip))
    finished.push({ asked, reading, consistency: consistencyOf(clip), agreementDb: db })
    if (shown.has(index)) sheetEntries.push({ clip, prompt: asked.prompt, mistakes: mistakesOf(asked, reading, facts) })
    tell(`${index + 1} of ${chosen.length}${db === undefined ? '' : `, ${db.toFixed(1)} dB`}: ${asked.prompt}`)
  }
  const secondsPerClip = (performance.now() - startedAt) / 1000 / chosen.length

  const renderOf = (asked: EvaluationPrompt) => {
    const render = entries.get(promptKey(asked))?.render
    return render && { render }
  }
  const ownRows = scoreRows(
    finished.map(({ asked, reading }) => ({ asked, clip: reading.attributes, ...renderOf(asked) })),
    facts,
  )
  const agreement = compare(finished, entries)
  const unused = incomparable ?? (agreement ? undefined : 'it keeps no frames of these prompts and seeds')
  // the reference speaks for the engine where frames show that both make the same
  const allClips = agreement && chosen.length < prompts.length ? referenceClips(prompts, entries) : undefined
  const rows = allClips ? scoreRows(allClips, facts) : ownRows
  const sheet = join(out, 'sheet.png')
  await writeSheet(sheetEntries, sheet)
  const measured = evaluation.curve ? await measureCurve(evaluation, chosen) : []
  const { manifest, adapter, software, precision } = engine
  const { steps, guidance, width, height, frames } = settings
  const images = comparable?.images ?? null
  const modes = await measureModes(evaluation)
  return {
    adapter,
    software,
    precision,
    world: facts.world,
    model: `${manifest.name} ${manifest.version}`,
    steps,
    guidance,
    width,
    height,
    frames,
    prompts: prompts.length,
    clips: chosen.length,
    scored: allClips ? 'reference' : 'engine',
    ...(unused !== undefined && { referenceUnused: unused }),
    rows,
    engineScores: meanScore(ownRows).scores,
    agreement,
    frechet: finished.length < 2 ? null : frechetDistance(fitGaussian(finished.map(({ reading }) => reading.features)), facts.features),
    referenceFrechet: comparable?.frechet ?? null,
    consistency: meanConsistency(finished.map(({ consistency }) => consistency)),
    renderConsistency: reference?.consistency.renders ?? null,
    curve: evaluation.curve ? measured : (comparable?.curve ?? []),
    curveBy: evaluation.curve ? 'engine' : comparable ? 'reference' : 'nobody',
    images,
    shapes: comparable?.shapes ?? [],
    modes,
    sheet,
    secondsPerClip,
    pass: meetsBars({ rows, agreement, images, modes, world: facts.world }),
  }
}

/** The table of modes, and a sheet of the last prompt's clips. */
async function measureModes({ engine, probe, facts, prompts, modes, settings, out, tell }: Evaluation): Promise<ModeRow[]> {
  // against a clip that stands still no step can be measured
  const moving = prompts.filter(({ attributes }) => attributes.motion !== undefined && attributes.motion !== 'still').slice(0, modes)
  if (moving.length === 0) return []
  const { rows, clips } = await evaluateModes({ engine, probe, facts, prompts: moving, settings, tell: (line) => tell(`modes, ${line}`) })
  await writeSheet(
    [...clips].map(([mode, clip]) => ({ clip, prompt: mode, mistakes: [] })),
    join(out, 'modes.png'),
  )
  return rows
}

/** What the probe read otherwise than asked, of what is scored. */
function mistakesOf({ attributes }: EvaluationPrompt, reading: Reading, facts: ProbeFacts): Mistake[] {
  return ATTRIBUTES.flatMap((name) => {
    const [asked, read] = [attributes[name], reading.attributes[name]]
    return asked !== undefined && asked !== read && isScored(name, attributes, facts.attributes[name].classes) ? [{ name, asked, read }] : []
  })
}

/** What training/evaluate.py's clips of all prompts show; undefined when it did not make them all. */
function referenceClips(prompts: readonly EvaluationPrompt[], entries: ReturnType<typeof referenceByKey>): ScoredClip[] | undefined {
  const clips = prompts.flatMap((asked) => {
    const entry = entries.get(promptKey(asked))
    return entry ? [{ asked, clip: entry.clip, render: entry.render }] : []
  })
  return clips.length === prompts.length ? clips : undefined
}

/** Frames and readings of the clips that the reference keeps frames of; null when there are none. */
function compare(finished: readonly Finished[], entries: ReturnType<typeof referenceByKey>): Agreement | null {
  const compared = finished.flatMap(({ agreementDb: db, reading, asked }) => {
    const theirs = entries.get(promptKey(asked))?.clip
    return db === undefined || !theirs ? [] : [{ db, ours: reading.attributes, theirs }]
  })
  if (compared.length === 0) return null
  const same = compared.flatMap(({ ours, theirs }) => (Object.keys(ours) as (keyof typeof ours)[]).map((name) => ours[name] === theirs[name]))
  return {
    n: compared.length,
    leastDb: Math.min(...compared.map(({ db }) => db)),
    meanDb: compared.reduce((sum, { db }) => sum + db, 0) / compared.length,
    sameReadings: same.filter(Boolean).length / same.length,
  }
}

/** The engine's scores at each number of steps that the model allows. */
async function measureCurve({ engine, probe, facts, settings, tell }: Evaluation, prompts: readonly EvaluationPrompt[]): Promise<CurvePoint[]> {
  const { min, max } = engine.manifest.steps
  const points: CurvePoint[] = []
  for (const steps of CURVE_STEPS.filter((count) => count >= min && count <= max)) {
    const clips: ScoredClip[] = []
    for (const asked of prompts) {
      const clip = await engine.makeClip({ ...settings, steps, prompt: asked.prompt, seed: asked.seed })
      clips.push({ asked, clip: (await probe.read(clip)).attributes })
    }
    points.push({ steps, guidance: settings.guidance, n: clips.length, ...meanScore(scoreRows(clips, facts)) })
    tell(`${steps} steps: ${(100 * (points.at(-1)?.mean ?? 0)).toFixed(1)} %`)
  }
  return points
}
