// Scores: how often the probe reads in a clip what its prompt asked for.
import type { ProbeFacts } from './probe-facts'
import type { EvaluationPrompt } from './prompts'
import { ATTRIBUTES, BARS, PROBE_BAR, type Attribute, type Attributes } from './world'

/** A prompt, and what the probe read: in the clip, and in a render of the same scene where that is known. */
export interface ScoredClip {
  asked: Pick<EvaluationPrompt, 'attributes' | 'heldOut'>
  clip: Attributes
  render?: Attributes
}

/** One line of the table. Scores are shares of 1; null where nothing was scored. */
export interface Row {
  name: Attribute
  /** values of the world, `none` apart */
  classes: number
  /** clips scored */
  n: number
  score: number | null
  /** the probe's score on renders of the same prompts, or on other unseen renders where those are not known */
  probe: number
  /** of the clips whose scene has a pair that training never sees */
  heldOut: number | null
  /** how many those are */
  heldOutN: number
  /** the least `relative` */
  bar: number
  /** score / probe */
  relative: number | null
  /** the probe's score on renders it was not trained on; below 0.97 the row does not count */
  unseen: number
  counts: boolean
  pass: boolean
}

/**
 * Whether an attribute of a prompt is scored: it is known, there is a class for it (`none` has one only where the probe was
 * trained on it), and a colour is not asked of a black-and-white clip.
 */
export function isScored(name: Attribute, attributes: Attributes, classes: readonly string[]): boolean {
  const value = attributes[name]
  if (value === undefined || !classes.includes(value)) return false
  return name !== 'colour' || attributes.style !== 'noir'
}

/** A share of 1 an attribute. */
export type AttributeScores = Partial<Record<Attribute, number>>

/** Right answers and answers. */
interface Tally {
  n: number
  share: number | null
}

function tally(name: Attribute, clips: readonly ScoredClip[], read: (clip: ScoredClip) => Attributes | undefined): Tally {
  const answers = clips.flatMap((clip) => (read(clip)?.[name] === undefined ? [] : [read(clip)?.[name] === clip.asked.attributes[name]]))
  return { n: answers.length, share: answers.length ? answers.filter(Boolean).length / answers.length : null }
}

/** The table's rows, one an attribute. Pure. */
export function scoreRows(clips: readonly ScoredClip[], facts: ProbeFacts): Row[] {
  return ATTRIBUTES.map((name) => {
    const { classes, accuracy } = facts.attributes[name]
    const scored = clips.filter(({ asked }) => isScored(name, asked.attributes, classes))
    const { n, share: score } = tally(name, scored, ({ clip }) => clip)
    const heldOut = tally(
      name,
      scored.filter(({ asked }) => asked.heldOut),
      ({ clip }) => clip,
    )
    // renders of some of the prompts would be another set: all or none
    const probe = scored.every(({ render }) => render) ? (tally(name, scored, ({ render }) => render).share ?? accuracy) : accuracy
    const bar = BARS[facts.world][name]
    const relative = score === null || probe === 0 ? null : score / probe
    const counts = accuracy >= PROBE_BAR && n > 0
    return {
      name,
      classes: classes.filter((value) => value !== 'none').length,
      n,
      score,
      probe,
      heldOut: heldOut.share,
      heldOutN: heldOut.n,
      bar,
      relative,
      unseen: accuracy,
      counts,
      pass: relative !== null && relative >= bar,
    }
  })
}

/** Plain scores, an attribute that has any, and their mean: a point of the step-to-quality curve. */
export function meanScore(rows: readonly Row[]): { scores: AttributeScores; mean: number } {
  const scores = Object.fromEntries(rows.flatMap(({ name, score }) => (score === null ? [] : [[name, score]]))) as AttributeScores
  const values = Object.values(scores)
  return { scores, mean: values.length ? values.reduce((sum, value) => sum + value, 0) / values.length : 0 }
}
