// Several clips from one form: other seeds, other words, other settings, or drafts of one frame. Pure.
import { AppError } from './errors'
import type { GenerateRequest } from './request'

/** The most clips that are asked for at once. */
export const MOST_AT_ONCE = 16

/** Settings that a table can be made over. */
export const TABLE_SETTINGS = ['steps', 'guidance', 'seed', 'frames'] as const

/** One of {@link TABLE_SETTINGS}. */
export type TableSetting = (typeof TABLE_SETTINGS)[number]

/** One side of a table: a setting and the values that it takes. */
export interface TableSide {
  setting: TableSetting
  values: readonly number[]
}

/** How many clips a form makes, and what tells them apart. Alternatives in the words count beside it. */
export type BatchChoice =
  | { kind: 'one' }
  /** seeds in a row, from the request's on */
  | { kind: 'variations'; count: number }
  /** stills, from the words alone: a source would be most of what they show */
  | { kind: 'drafts'; count: number; steps: number }
  | { kind: 'table'; rows: TableSide; columns: TableSide }

/** One clip of a batch. */
export interface Variant {
  request: GenerateRequest
  /** what tells it from the others; empty where there are none */
  label: string
  /** headings, where the batch has two sides */
  row?: string
  column?: string
}

/** A change of a request, and what it is called. */
interface Change {
  label: string
  apply(request: GenerateRequest): GenerateRequest
}

const SEEDS = 2 ** 32
const GROUP = /\{([^{}]*\|[^{}]*)\}/
const SETTING_WORDS: Record<TableSetting, (value: number) => string> = {
  steps: (value) => `${value} ${value === 1 ? 'step' : 'steps'}`,
  guidance: (value) => `Guidance ${value}`,
  seed: (value) => `Seed ${value}`,
  frames: (value) => `${value} ${value === 1 ? 'frame' : 'frames'}`,
}

/** The clips of a form, in the order in which they are made: words first, then rows, then columns. @throws AppError bad-request: more than MOST_AT_ONCE, or none */
export function expandBatch(request: GenerateRequest, choice: BatchChoice): Variant[] {
  // a draft knows nothing of what cards say
  const words = wordsOf(choice.kind === 'drafts' ? asDraft(request, choice.steps) : request)
  const [rows, columns] = sidesOf(request, choice)
  if (words.length * rows.length * columns.length > MOST_AT_ONCE) throw tooMany(words.length * rows.length * columns.length)
  const named = words.flatMap((word) => rows.map((row): Change => ({ label: [word.label, row.label].filter(Boolean).join(', '), apply: (given) => row.apply(word.apply(given)) })))
  const hasSides = named.length > 1 && columns.length > 1
  return named.flatMap((row) =>
    columns.map((column) => ({
      request: column.apply(row.apply(request)),
      label: [row.label, column.label].filter(Boolean).join(', '),
      ...(hasSides && { row: row.label, column: column.label }),
    })),
  )
}

/** What the words stand for: one for each combination of what the prompt and each shot's words stand for. @throws AppError bad-request: more than MOST_AT_ONCE */
function wordsOf({ prompt, shots = [] }: GenerateRequest): Change[] {
  let found: { texts: string[]; chosen: string[] }[] = [{ texts: [], chosen: [] }]
  for (const text of [prompt, ...shots.map((shot) => shot.prompt)]) {
    const choices = promptAlternatives(text)
    found = found.flatMap(({ texts, chosen }) => choices.map((choice) => ({ texts: [...texts, choice.prompt], chosen: [...chosen, ...choice.chosen] })))
    if (found.length > MOST_AT_ONCE) throw tooMany(found.length)
  }
  return found.map(({ texts: [shared = '', ...cards], chosen }) => ({
    label: chosen.join(', '),
    apply: (request) => ({
      ...request,
      prompt: shared,
      ...(request.shots && { shots: request.shots.map((shot, index) => ({ ...shot, prompt: cards[index] ?? shot.prompt })) }),
    }),
  }))
}

/** What is changed beside the words, as rows and columns. */
function sidesOf({ seed }: GenerateRequest, choice: BatchChoice): [Change[], Change[]] {
  const same: Change = { label: '', apply: (request) => request }
  switch (choice.kind) {
    case 'one':
      return [[same], [same]]
    case 'variations':
      return [[same], seeds(seed, choice.count)]
    case 'drafts':
      return [[{ label: '', apply: (request) => asDraft(request, choice.steps) }], seeds(seed, choice.count)]
    case 'table':
      if (choice.rows.setting === choice.columns.setting) throw new AppError('bad-request', 'Rows and columns are the same setting: choose another one for either.', { setting: choice.rows.setting })
      return [side(choice.rows), side(choice.columns)]
  }
}

function seeds(first: number, count: number): Change[] {
  return Array.from({ length: count }, (_, index) => {
    const seed = (first + index) % SEEDS
    return { label: SETTING_WORDS.seed(seed), apply: (request) => ({ ...request, seed }) }
  })
}

function side({ setting, values }: TableSide): Change[] {
  if (values.length === 0) throw new AppError('bad-request', 'A side of the table has no values: write some, as in 4, 8, 12.', { setting })
  return [...new Set(values)].map((value) => ({ label: SETTING_WORDS[setting](value), apply: (request) => ({ ...request, [setting]: value }) }))
}

/** One frame from the words alone. */
function asDraft(request: GenerateRequest, steps: number): GenerateRequest {
  const { conditions: _conditions, initVideo: _initVideo, prefix: _prefix, suffix: _suffix, loop: _loop, shots: _shots, sameSeed: _sameSeed, ...alone } = request
  return { ...alone, frames: 1, steps }
}

/**
 * The prompts that `{red|blue} balloon` stands for: one for each choice in each group, in their order and none twice. Groups may stand in
 * each other; braces without a bar between them are letters like others.
 * @returns with what was chosen; a prompt without a group is itself
 * @throws AppError bad-request: more than MOST_AT_ONCE
 */
export function promptAlternatives(prompt: string): { prompt: string; chosen: string[] }[] {
  let found = [{ prompt, chosen: [] as string[] }]
  while (found.some((entry) => GROUP.test(entry.prompt))) {
    const seen = new Set<string>()
    found = found.flatMap((entry) => chooseFirst(entry)).filter((entry) => !seen.has(entry.prompt) && seen.add(entry.prompt))
    if (found.length > MOST_AT_ONCE) throw tooMany(found.length)
  }
  return found
}

/** One prompt for each choice in the first group that has no other within it. */
function chooseFirst({ prompt, chosen }: { prompt: string; chosen: string[] }): { prompt: string; chosen: string[] }[] {
  const [whole, inside = ''] = GROUP.exec(prompt) ?? []
  if (whole === undefined) return [{ prompt, chosen }]
  return inside.split('|').map((choice) => ({
    // an empty choice leaves no gap
    prompt: prompt.replace(GROUP, () => choice.trim()).replace(/ {2,}/g, ' ').trim(),
    chosen: [...chosen, choice.trim()],
  }))
}

/** The numbers in a list as it is typed: "4, 8, 12". @throws AppError bad-request naming what is no number */
export function parseValues(text: string): number[] {
  return text
    .split(/[,;\s]+/)
    .filter((part) => part !== '')
    .map((part) => {
      const value = Number(part)
      if (!Number.isFinite(value)) throw new AppError('bad-request', `“${part}” is no number: write values as in 4, 8, 12.`, { got: part })
      return value
    })
}

function tooMany(count: number): AppError {
  return new AppError('bad-request', `That makes ${count} clips, and ${MOST_AT_ONCE} is the most at once.`, { expected: MOST_AT_ONCE, got: count })
}
