// Expands one request into a batch: different seeds, prompts or settings, or drafts of one frame. Pure.
import { AppError } from './errors'
import type { GenerateRequest } from './request'

/** Maximum number of clips in a batch. */
export const MAX_BATCH = 16

/** Settings that a grid can vary. */
export const GRID_SETTINGS = ['steps', 'guidance', 'seed', 'frames'] as const

/** One of {@link GRID_SETTINGS}. */
export type GridSetting = (typeof GRID_SETTINGS)[number]

/** One axis of a grid: a setting and its values. */
export interface GridAxis {
  setting: GridSetting
  values: readonly number[]
}

/** How many clips a batch has, and how they differ. Alternatives in the prompt multiply this number. */
export type BatchChoice =
  | { kind: 'one' }
  /** consecutive seeds, starting with that of the request */
  | { kind: 'variations'; count: number }
  /** images from the prompt alone: an input image would dominate them */
  | { kind: 'drafts'; count: number; steps: number }
  | { kind: 'grid'; rows: GridAxis; columns: GridAxis }

/** One clip of a batch. */
export interface Variant {
  request: GenerateRequest
  /** what distinguishes it from the other clips; empty for a single clip */
  label: string
  /** headings of row and column if the batch is two-dimensional */
  row?: string
  column?: string
}

/** A labeled change of a request. */
interface Change {
  label: string
  apply(request: GenerateRequest): GenerateRequest
}

const SEEDS = 2 ** 32
const GROUP = /\{([^{}]*\|[^{}]*)\}/
const SETTING_LABELS: Record<GridSetting, (value: number) => string> = {
  steps: (value) => `${value} ${value === 1 ? 'step' : 'steps'}`,
  guidance: (value) => `Guidance ${value}`,
  seed: (value) => `Seed ${value}`,
  frames: (value) => `${value} ${value === 1 ? 'frame' : 'frames'}`,
}

/** The clips of a batch in queue order: by prompt, then row, then column. @throws AppError bad-request if there are none or more than MAX_BATCH */
export function expandBatch(request: GenerateRequest, choice: BatchChoice): Variant[] {
  // drafts ignore the shots of a storyboard
  const prompts = promptChanges(choice.kind === 'drafts' ? asDraft(request, choice.steps) : request)
  const [rows, columns] = axisChanges(request, choice)
  if (prompts.length * rows.length * columns.length > MAX_BATCH) throw tooMany(prompts.length * rows.length * columns.length)
  const combined = prompts.flatMap((prompt) =>
    rows.map((row): Change => ({ label: [prompt.label, row.label].filter(Boolean).join(', '), apply: (given) => row.apply(prompt.apply(given)) })),
  )
  const isGrid = combined.length > 1 && columns.length > 1
  return combined.flatMap((row) =>
    columns.map((column) => ({
      request: column.apply(row.apply(request)),
      label: [row.label, column.label].filter(Boolean).join(', '),
      ...(isGrid && { row: row.label, column: column.label }),
    })),
  )
}

/** One change for each combination of alternatives in the prompt and in the prompts of shots. @throws AppError bad-request if there are more than MAX_BATCH */
function promptChanges({ prompt, shots = [] }: GenerateRequest): Change[] {
  let found: { texts: string[]; chosen: string[] }[] = [{ texts: [], chosen: [] }]
  for (const text of [prompt, ...shots.map((shot) => shot.prompt)]) {
    const choices = promptAlternatives(text)
    found = found.flatMap(({ texts, chosen }) => choices.map((choice) => ({ texts: [...texts, choice.prompt], chosen: [...chosen, ...choice.chosen] })))
    if (found.length > MAX_BATCH) throw tooMany(found.length)
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

/** The changes of rows and columns. */
function axisChanges({ seed }: GenerateRequest, choice: BatchChoice): [Change[], Change[]] {
  const unchanged: Change = { label: '', apply: (request) => request }
  switch (choice.kind) {
    case 'one':
      return [[unchanged], [unchanged]]
    case 'variations':
      return [[unchanged], seedChanges(seed, choice.count)]
    case 'drafts':
      return [[{ label: '', apply: (request) => asDraft(request, choice.steps) }], seedChanges(seed, choice.count)]
    case 'grid':
      if (choice.rows.setting === choice.columns.setting)
        throw new AppError('bad-request', 'Rows and columns use the same setting. Choose different settings.', { setting: choice.rows.setting })
      return [settingChanges(choice.rows), settingChanges(choice.columns)]
  }
}

function seedChanges(first: number, count: number): Change[] {
  return Array.from({ length: count }, (_, index) => {
    const seed = (first + index) % SEEDS
    return { label: SETTING_LABELS.seed(seed), apply: (request) => ({ ...request, seed }) }
  })
}

function settingChanges({ setting, values }: GridAxis): Change[] {
  if (values.length === 0) throw new AppError('bad-request', 'Rows or columns have no values. Enter values such as 4, 8, 12.', { setting })
  return [...new Set(values)].map((value) => ({ label: SETTING_LABELS[setting](value), apply: (request) => ({ ...request, [setting]: value }) }))
}

/** The request for one frame from the prompt alone. */
function asDraft(request: GenerateRequest, steps: number): GenerateRequest {
  const { conditions: _conditions, initVideo: _initVideo, prefix: _prefix, suffix: _suffix, loop: _loop, shots: _shots, sameSeed: _sameSeed, ...base } = request
  return { ...base, frames: 1, steps }
}

/**
 * Expands alternatives such as `{red|blue} balloon` into one prompt for each choice in each group, in order and without duplicates. Groups
 * can be nested. Braces without a bar are literal text.
 * @returns the prompts with their choices; a prompt without groups is returned unchanged
 * @throws AppError bad-request if there are more than MAX_BATCH
 */
export function promptAlternatives(prompt: string): { prompt: string; chosen: string[] }[] {
  let found = [{ prompt, chosen: [] as string[] }]
  while (found.some((entry) => GROUP.test(entry.prompt))) {
    const seen = new Set<string>()
    found = found.flatMap((entry) => expandFirstGroup(entry)).filter((entry) => !seen.has(entry.prompt) && seen.add(entry.prompt))
    if (found.length > MAX_BATCH) throw tooMany(found.length)
  }
  return found
}

/** Expands the first group that contains no other group. */
function expandFirstGroup({ prompt, chosen }: { prompt: string; chosen: string[] }): { prompt: string; chosen: string[] }[] {
  const [whole, inside = ''] = GROUP.exec(prompt) ?? []
  if (whole === undefined) return [{ prompt, chosen }]
  return inside.split('|').map((choice) => ({
    // an empty choice leaves no double space
    prompt: prompt
      .replace(GROUP, () => choice.trim())
      .replace(/ {2,}/g, ' ')
      .trim(),
    chosen: [...chosen, choice.trim()],
  }))
}

/** Parses a list of numbers such as "4, 8, 12". @throws AppError bad-request naming the invalid part */
export function parseValues(text: string): number[] {
  return text
    .split(/[,;\s]+/)
    .filter((part) => part !== '')
    .map((part) => {
      const value = Number(part)
      if (!Number.isFinite(value)) throw new AppError('bad-request', `“${part}” is not a number. Enter values such as 4, 8, 12.`, { got: part })
      return value
    })
}

function tooMany(count: number): AppError {
  return new AppError('bad-request', `This batch has ${count} clips. The maximum is ${MAX_BATCH}.`, { expected: MAX_BATCH, got: count })
}
