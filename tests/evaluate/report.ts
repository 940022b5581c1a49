// What an evaluation found: as data for --json, and as a table for people.
import { median } from './clip-frames'
import type { Consistency } from './consistency'
import type { ModeRow } from './modes'
import type { Reference } from './reference'
import type { AttributeScores, Row } from './score'
import { AGREEMENT_DB, IMAGE_BARS, PROBE_BAR, type World } from './world'

/** A point of the step-to-quality curve. */
export interface CurvePoint {
  steps: number
  guidance: number
  /** clips */
  n: number
  scores: AttributeScores
  mean: number
}

/** The engine's frames against PyTorch's. */
export interface Agreement {
  /** clips compared */
  n: number
  leastDb: number
  meanDb: number
  /** share of the probe's answers that are the same for both; all attributes of the clips compared by them */
  sameReadings: number
}

type Images = NonNullable<Reference['images']>

/** Everything that `--json` prints. */
export interface Report {
  adapter: string
  software: boolean
  precision: string
  world: World
  model: string
  steps: number
  guidance: number
  width: number
  height: number
  frames: number
  /** in the prompts file */
  prompts: number
  /** made by the engine */
  clips: number
  /** whose clips `rows` scores: the engine's, or training/evaluate.py's of all prompts, with which the engine's agree */
  scored: 'engine' | 'reference'
  /** why the reference was not used, where it was not */
  referenceUnused?: string
  rows: Row[]
  /** plain scores of the engine's own clips */
  engineScores: AttributeScores
  agreement: Agreement | null
  /** between the engine's clips and held-out renders; null with fewer than 2 clips */
  frechet: number | null
  /** training/evaluate.py's, of all prompts */
  referenceFrechet: number | null
  consistency: Consistency
  renderConsistency: Consistency | null
  curve: CurvePoint[]
  curveBy: 'engine' | 'reference' | 'nobody'
  /** training/evaluate.py's; null where the reference does not hold */
  images: Images | null
  /** training/evaluate.py's; none where the reference does not hold */
  shapes: Reference['shapes']
  /** the ways into a clip; empty where they were not measured */
  modes: readonly ModeRow[]
  sheet: string
  secondsPerClip: number
  pass: boolean
}

/** Whether all counted rows and image to video meet their bars, and frames that were compared agree; with no row that counts, nothing was shown. */
export function meetsBars({ rows, agreement, images, modes, world }: Pick<Report, 'rows' | 'agreement' | 'images' | 'modes' | 'world'>): boolean {
  const counted = rows.filter(({ counts }) => counts)
  const agreed = agreement === null || agreement.leastDb >= AGREEMENT_DB
  return (
    counted.length > 0 &&
    counted.every(({ pass }) => pass) &&
    agreed &&
    (images === null || meetsImageBar(images, world)) &&
    modes.every((row) => meetsModeBar(row, world))
  )
}

/** As many clips as of pictures that set off evenly must be within a mode's bar. */
function meetsModeBar({ met, values }: ModeRow, world: World): boolean {
  return values.length === 0 || met / values.length >= IMAGE_BARS[world]
}

function meetsImageBar({ scores, probe, evenStart }: Images, world: World): boolean {
  const relative = Object.entries(scores).map(([name, score]) => score / (probe[name] ?? 1))
  return Math.min(evenStart, ...relative) >= IMAGE_BARS[world]
}

const percent = (share: number | null) => (share === null ? '–' : `${(100 * share).toFixed(1)} %`)

/** The report in lines. */
export function describeReport(report: Report): string[] {
  const { rows, agreement, consistency, renderConsistency, curve } = report
  const header = ['', 'classes', 'clips', 'score', 'probe', 'relative', 'bar', 'held out', 'engine', '']
  const body = rows.map((row) => [
    row.name,
    String(row.classes),
    String(row.n),
    percent(row.score),
    percent(row.probe),
    percent(row.relative),
    percent(row.bar),
    row.heldOutN ? `${percent(row.heldOut)} of ${row.heldOutN}` : '–',
    percent(report.engineScores[row.name] ?? null),
    verdict(row),
  ])
  const { width, height, frames, steps, guidance, world, adapter, precision } = report
  return [
    `${report.model}, world ${world}, ${width}×${height}×${frames}, ${steps} steps, guidance ${guidance}; ${adapter} (${precision})`,
    report.scored === 'engine'
      ? `Scored: ${report.clips} of ${report.prompts} prompts, all through the engine.`
      : `Scored: all ${report.prompts} prompts through training/evaluate.py (the same weights and noise), ${report.clips} of them through the engine too.`,
    ...(report.referenceUnused === undefined ? [] : [`The reference was not used: ${report.referenceUnused}.`]),
    '',
    ...align([header, ...body]),
    '',
    `Frames against PyTorch's: ${agreement ? describeAgreement(agreement) : 'not compared'}`,
    `Fréchet distance to held-out renders: ${report.frechet === null ? '–' : `${report.frechet.toFixed(2)} of ${report.clips} clips`}` +
      (report.referenceFrechet === null ? '' : `; ${report.referenceFrechet.toFixed(2)} of all through training/evaluate.py`),
    `From frame to frame: ${describeConsistency(consistency)}${renderConsistency ? `; renders: ${describeConsistency(renderConsistency)}` : ''}`,
    ...(curve.length ? [`By steps (${report.curveBy === 'engine' ? 'engine' : 'training/evaluate.py'}): ${curve.map(describePoint).join(', ')}`] : []),
    ...(report.images ? [`Image to video (training/evaluate.py): ${describeImages(report.images, world)}`] : []),
    ...(report.shapes.length ? [`By shape (training/evaluate.py, mean relative score): ${report.shapes.map(describeShape).join(', ')}`] : []),
    ...describeModes(report.modes, world),
    `${report.secondsPerClip.toFixed(1)} s a clip; sheet: ${report.sheet}`,
    report.pass ? 'All bars are met.' : 'Not all bars are met.',
  ]
}

function describeAgreement({ leastDb, meanDb, n, sameReadings }: Agreement): string {
  const verdict = leastDb >= AGREEMENT_DB ? 'agreed' : `expected ${AGREEMENT_DB} dB each`
  return `${leastDb.toFixed(1)} dB at least, ${meanDb.toFixed(1)} dB on average of ${n} clips (${verdict}); the probe reads ${percent(sameReadings)} alike`
}

function describePoint({ steps, guidance, mean }: CurvePoint): string {
  return `${steps}: ${percent(mean)}${guidance === 1 ? ' unguided' : ''}`
}

function describeImages(images: Images, world: World): string {
  const { n, scores, probe, evenStart } = images
  const read = Object.entries(scores).map(([name, score]) => `${name} ${percent(score / (probe[name] ?? 1))}`)
  const verdict = meetsImageBar(images, world) ? 'met' : 'MISSED'
  return `of ${n} pictures the last frame still shows ${read.join(', ')} (relative to renders); ${percent(evenStart)} set off evenly; bar ${percent(IMAGE_BARS[world])}: ${verdict}`
}

function describeModes(modes: readonly ModeRow[], world: World): string[] {
  if (modes.length === 0) return []
  const body = modes.map((row) => {
    const { mode, figure, least, most, values, met } = row
    const within = least === most ? String(least) : `${least}–${most}`
    if (values.length === 0) return [mode, figure, within, '–', '–', '–', 'not asked']
    return [
      mode,
      figure,
      within,
      median(values).toFixed(2),
      `${Math.min(...values).toFixed(2)}–${Math.max(...values).toFixed(2)}`,
      `${met} of ${values.length}`,
      meetsModeBar(row, world) ? 'met' : 'MISSED',
    ]
  })
  return ['', ...align([['mode', 'figure', 'within', 'median', 'from–to', 'clips within', `bar ${percent(IMAGE_BARS[world])}`], ...body]), '']
}

function describeShape({ width, height, frames, mean, n }: Reference['shapes'][number]): string {
  return `${width}×${height}×${frames} ${percent(mean)} of ${n}`
}

function describeConsistency({ step, variation, first }: Consistency): string {
  return `a colour moves ${(255 * step).toFixed(2)} of 255, unevenness ${variation.toFixed(2)}, first step ${first.toFixed(2)} × the median`
}

function verdict({ counts, pass, n, unseen }: Row): string {
  if (n === 0) return 'not asked'
  if (!counts) return `does not count: the probe reads ${percent(unseen)} of unseen renders, below ${percent(PROBE_BAR)}`
  return pass ? 'met' : 'MISSED'
}

/** Columns of equal width: words to the left, figures to the right. */
function align(lines: readonly (readonly string[])[]): string[] {
  const last = (lines[0]?.length ?? 0) - 1
  const widths = Array.from({ length: last + 1 }, (_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)))
  return lines.map((line) =>
    line
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[column] ?? 0) : column === last ? cell : cell.padStart(widths[column] ?? 0)))
      .join('  ')
      .trimEnd(),
  )
}
