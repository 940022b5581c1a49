// The ways into a clip, measured: whether the seam is seen, whether what is made moves, whether what was given is still there.
// A step is the mean absolute RGB difference of two neighbouring frames, of 255.
import type { GenerateRequest, MediaRef } from '../../src/shared/request'
import type { Clip } from './clip'
import { median, psnr, stepBetween, stepsOf } from './clip-frames'
import type { Engine } from './engine'
import type { Probe } from './probe'
import { isScored } from './score'
import type { ProbeFacts } from './probe-facts'
import type { EvaluationPrompt } from './prompts'

/** What a mode is measured by. Ratios are to the source's median step where nothing else is said. */
export interface ModeFigure {
  mode: string
  figure: string
  least: number
  most: number
}

const EVEN = { least: 0.5, most: 1.5 }
const MOVES = { least: 0.5, most: 2 }

/** The bars. */
export const MODE_FIGURES = {
  imageStart: { mode: 'image', figure: 'first step / the clip’s median', ...EVEN },
  imageKept: { mode: 'image', figure: 'its subject in the clip (1: read by the probe)', least: 1, most: 1 },
  extendSeam: { mode: 'extend', figure: 'seam / source', ...EVEN },
  extendMoves: { mode: 'extend', figure: 'new part / source', ...MOVES },
  backwardSeam: { mode: 'extend backwards', figure: 'seam / source', ...EVEN },
  backwardMoves: { mode: 'extend backwards', figure: 'new part / source', ...MOVES },
  fillFirstSeam: { mode: 'fill', figure: 'first seam / source', ...EVEN },
  fillLastSeam: { mode: 'fill', figure: 'last seam / source', ...EVEN },
  fillFade: { mode: 'fill', figure: 'agreement with a cross-fade (dB)', least: 0, most: 30 },
  loopSeam: { mode: 'loop', figure: 'last to first / the clip’s median', ...EVEN },
} as const satisfies Record<string, ModeFigure>

export type ModeName = keyof typeof MODE_FIGURES

/** A row of the table: its figure for each prompt. */
export interface ModeRow extends ModeFigure {
  values: number[]
  /** values within the bar */
  met: number
}

export interface ModesEvaluation {
  engine: Engine
  probe: Probe
  facts: ProbeFacts
  prompts: readonly EvaluationPrompt[]
  settings: Omit<GenerateRequest, 'prompt' | 'seed'>
  tell: (line: string) => void
}

/** Seconds of the gap that is filled. */
const GAP_SECONDS = 1

/** Makes each mode's clip for each prompt. @returns the table, and the clips of the last prompt by mode */
export async function evaluateModes({
  engine,
  probe,
  facts,
  prompts,
  settings,
  tell,
}: ModesEvaluation): Promise<{ rows: ModeRow[]; clips: Map<string, Clip> }> {
  const values = Object.fromEntries(Object.keys(MODE_FIGURES).map((name) => [name, []])) as unknown as Record<ModeName, number[]>
  let clips = new Map<string, Clip>()
  for (const [index, asked] of prompts.entries()) {
    const measured = await measure({ engine, probe, facts, settings }, asked)
    for (const [name, value] of Object.entries(measured.values)) values[name as ModeName].push(value)
    clips = measured.clips
    tell(
      `${index + 1} of ${prompts.length}: ${Object.values(measured.values)
        .map((value) => value.toFixed(2))
        .join(' ')}: ${asked.prompt}`,
    )
  }
  const rows = Object.entries(MODE_FIGURES).map(([name, figure]) => {
    const of = values[name as ModeName]
    return { ...figure, values: of, met: of.filter((value) => value >= figure.least && value <= figure.most).length }
  })
  return { rows, clips }
}

type One = Pick<ModesEvaluation, 'engine' | 'probe' | 'facts' | 'settings'>

async function measure(
  { engine, probe, facts, settings }: One,
  asked: EvaluationPrompt,
): Promise<{ values: Partial<Record<ModeName, number>>; clips: Map<string, Clip> }> {
  const { fps } = settings
  const { scaleTime } = engine.manifest.latent
  const clips = new Map<string, Clip>()
  const make = async (name: string, changes: Partial<GenerateRequest>, given: Record<string, Clip> = {}) => {
    // another seed than the source's: what is made must not be what it was
    const clip = await engine.makeClip({ ...settings, prompt: asked.prompt, seed: (asked.seed + 1) >>> 0, ...changes }, new Map(Object.entries(given)))
    clips.set(name, clip)
    return clip
  }
  const source = await make('text', { seed: asked.seed })
  const length = source.frames.length
  const step = median(stepsOf(rgb(source)))
  const whole: MediaRef = { kind: 'clip', id: 'source' }

  const picture = await findPicture(probe, source, asked.attributes.subject)
  const image = await make(
    'image',
    { conditions: [{ source: { kind: 'image', id: 'picture' }, atFrame: 0, strength: 1 }] },
    { picture: { ...source, frames: [picture.frame] } },
  )
  const imageSteps = stepsOf(rgb(image))
  const read = (await probe.read(image)).attributes.subject
  const scored = picture.showsSubject && isScored('subject', asked.attributes, facts.attributes.subject.classes)

  const extended = rgb(await make('extend', { prefix: { source: whole } }, { source }))
  const backward = rgb(await make('extend backwards', { suffix: { source: whole } }, { source }))
  const loop = rgb(await make('loop', { frames: 2 * scaleTime + 1, prefix: { source: whole }, loop: true }, { source }))

  // the clip without its middle, which is made anew
  const gap = scaleTime * Math.round((GAP_SECONDS * fps) / scaleTime)
  const ends = Math.floor((length - gap) / 2)
  const filled = await make(
    'fill',
    { frames: gap + 1, prefix: { source: whole, toSeconds: ends / fps }, suffix: { source: whole, fromSeconds: (ends + gap) / fps } },
    { source },
  )
  const fill = rgb(filled)
  const [last, first] = [fill[ends - 1] as Uint8Array, fill[ends + gap - 1] as Uint8Array]
  const made = fill.slice(ends, ends + gap - 1)
  const faded = made.map((frame, index) => psnr(frame, mixed(last, first, (index + 1) / (made.length + 1))))

  return {
    clips,
    values: {
      imageStart: (imageSteps[0] as number) / median(imageSteps),
      ...(scored && { imageKept: Number(read === asked.attributes.subject) }),
      extendSeam: stepBetween(extended[length - 1] as Uint8Array, extended[length] as Uint8Array) / step,
      extendMoves: median(stepsOf(extended.slice(length - 1))) / step,
      backwardSeam: stepBetween(backward[backward.length - length - 1] as Uint8Array, backward[backward.length - length] as Uint8Array) / step,
      backwardMoves: median(stepsOf(backward.slice(0, backward.length - length))) / step,
      fillFirstSeam: stepBetween(last, made[0] as Uint8Array) / step,
      fillLastSeam: stepBetween(made.at(-1) as Uint8Array, first) / step,
      fillFade: median(faded),
      loopSeam: stepBetween(loop.at(-1) as Uint8Array, loop[0] as Uint8Array) / median(stepsOf(loop)),
    },
  }
}

/** The frame nearest to a clip's middle that shows the subject, as the probe reads it when it stands still; the middle one where none does. */
async function findPicture(probe: Probe, { frames, ...size }: Clip, subject: string | undefined): Promise<{ frame: Uint8ClampedArray; showsSubject: boolean }> {
  const middle = (frames.length - 1) / 2
  const nearest = frames.map((frame, index) => ({ frame, distance: Math.abs(index - middle) })).toSorted((a, b) => a.distance - b.distance)
  for (const { frame } of nearest) {
    const { attributes } = await probe.read({ ...size, frames: frames.map(() => frame) })
    if (attributes.subject === subject) return { frame, showsSubject: true }
  }
  return { frame: frames[middle] as Uint8ClampedArray, showsSubject: false }
}

/** Frames without alpha, RGB u8 [height, width, 3]. */
function rgb({ frames }: Clip): Uint8Array[] {
  return frames.map((frame) => Uint8Array.from({ length: (frame.length / 4) * 3 }, (_, index) => frame[4 * Math.floor(index / 3) + (index % 3)] as number))
}

function mixed(from: Uint8Array, to: Uint8Array, share: number): Uint8Array {
  return from.map((value, index) => value + share * ((to[index] as number) - value))
}
