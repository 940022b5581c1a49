// The bounds of what comes from files: manifests, configs, headers, tokenizers, recipes, storyboards, drafts and queues. A number that is
// outside them is refused where it enters, before anything is allocated, counted or drawn by it. The bounds are far above what models and
// people use; they are there so that a damaged or hostile file costs a sentence instead of the page.
import * as v from 'valibot'
import { AppError, cutText, type ErrorCode } from './errors'

/** Bytes of the largest file of each kind that is read as a whole. */
export const MAX_FILE_BYTES = {
  /** kinora.json; the starter's has 14 kB */
  manifest: 2 ** 22,
  /** a config.json of a model, or its scheduler's; usual are 1 kB */
  config: 2 ** 20,
  /** the index of a model in several files; T5-XXL's has 20 kB, that of 100 000 tensors some 10 MB */
  index: 2 ** 24,
  /** tokenizer.json; T5's has 1.4 MB, those of the largest vocabularies some 35 MB */
  tokenizer: 40 * 2 ** 20,
  /** a recipe or a storyboard, of a few kB */
  recipe: 2 ** 22,
  /** a file of a model folder, which is held in memory; the starter's largest has 9 MB */
  folderFile: 2 ** 28,
} as const

/** Sizes and counts, each the largest that is read. */
export const MOST = {
  /** characters of a prompt; a model reads some 2 000 */
  promptCharacters: 20_000,
  /** characters of a name, an id or a path */
  nameCharacters: 1_000,
  /** pixels of a side */
  side: 16_384,
  /** frames of a clip: a minute at 120 a second has 7 200 */
  frames: 10_000,
  /** denoise steps */
  steps: 1_000,
  /** images and clips that condition a clip, or a shot of it */
  conditions: 50,
  /** seconds of a source clip: a day */
  seconds: 86_400,
  /** channels of a tensor, or width of a layer */
  channels: 65_536,
  /** layers, blocks or heads */
  layers: 1_024,
  /** tensors of a file */
  tensors: 65_536,
  /** entries of a vocabulary; the largest known have 262 144 */
  vocabulary: 2 ** 20,
} as const

/** A whole number in a range, both ends included. */
export const wholeIn = (least: number, most: number) => v.pipe(v.number(), v.integer(), v.minValue(least), v.maxValue(most))

/** A number in a range, both ends included. */
export const numberIn = (least: number, most: number) => v.pipe(v.number(), v.minValue(least), v.maxValue(most))

/** A text of at most so many characters. */
export const textUpTo = (most: number) => v.pipe(v.string(), v.maxLength(most))

/** A list whose length is checked before its entries are. */
export const listUpTo = <Item extends v.GenericSchema>(item: Item, most: number) =>
  v.pipe(
    v.custom<unknown[]>((value) => Array.isArray(value), 'expected a list'),
    v.maxLength(most),
    v.array(item),
  )

/** What of a file does not fit, in words. */
export interface Misfit {
  /** path of the field: `latent.channels`; empty for the file itself */
  field: string
  expected: string
  /** cut to 200 characters */
  got: string
  /** all of it: `latent.channels: expected at most 4096, got 65536` */
  text: string
}

/** The first thing that does not fit. Pure. */
export function misfitOf(issue: v.BaseIssue<unknown>): Misfit {
  const field = cutText(v.getDotPath(issue) ?? '')
  const expected = cutText(expectedOf(issue))
  const got = issue.received === 'undefined' ? 'nothing' : cutText(issue.received)
  return { field, expected, got, text: `${field ? `${field}: ` : ''}expected ${expected}, got ${got}` }
}

function expectedOf({ type, kind, expected, received, requirement, message, input }: v.BaseIssue<unknown>): string {
  const unit = typeof input === 'string' ? ' characters' : Array.isArray(input) ? ' entries' : ''
  switch (type) {
    case 'min_value':
    case 'min_length':
      return `at least ${String(requirement)}${unit}`
    case 'max_value':
    case 'max_length':
      return `at most ${String(requirement)}${unit}`
    case 'integer':
    case 'safe_integer':
      return 'a whole number'
    case 'custom':
    case 'check':
      return message.replace(/^expected /, '')
  }
  // of a field that is missing, the schema expects its name
  if (kind === 'schema' && received === 'undefined' && expected?.startsWith('"')) return 'a value'
  return expected ?? 'another value'
}

/**
 * Data as a schema has it; reading ends at the first thing that does not fit.
 * @param refuse makes the error of it
 * @throws what `refuse` makes
 */
export function parseFields<Schema extends v.GenericSchema>(schema: Schema, data: unknown, refuse: (misfit: Misfit) => AppError): v.InferOutput<Schema> {
  const parsed = v.safeParse(schema, data, { abortEarly: true })
  if (parsed.success) return parsed.output
  throw refuse(misfitOf(parsed.issues[0]))
}

/**
 * The error of a file with a field that does not fit.
 * @param file its path in the model, or its name
 * @param problem the sentence before the field: "The scheduler’s config does not fit"
 */
export function misfitError(code: ErrorCode, file: string, problem: string, { field, expected, got, text }: Misfit): AppError {
  return new AppError(code, `${problem}: ${text}.`, { file: cutText(file), field, expected, found: got })
}

/**
 * The value of a JSON text.
 * @param bytes or the text itself
 * @param file its name, for the error
 * @throws AppError of the code when it is larger than `most` bytes (or characters), or no JSON
 */
export function readJson(bytes: Uint8Array | string, most: number, file: string, code: ErrorCode = 'weights-corrupt'): unknown {
  const name = cutText(file)
  if (bytes.length > most) throw tooLarge(name, bytes.length, most, code)
  try {
    return JSON.parse(typeof bytes === 'string' ? bytes : new TextDecoder().decode(bytes)) as unknown
  } catch {
    throw new AppError(code, `${name} is not readable: expected JSON, got other text.`, { file: name, expected: 'JSON' })
  }
}

/**
 * The JSON of an answer, of which no more than `most` bytes are read.
 * @throws AppError weights-corrupt when there is more, it is no JSON, or the connection breaks; the signal's reason of the fetch when it fires
 */
export async function readJsonBody(response: Response, most: number, file: string): Promise<unknown> {
  const parts: Uint8Array<ArrayBuffer>[] = []
  let length = 0
  const reader = response.body?.getReader()
  try {
    for (let read = await reader?.read(); reader && read && !read.done; read = await reader.read()) {
      length += read.value.length
      if (length > most) {
        await reader.cancel()
        throw tooLarge(file, length, most, 'weights-corrupt')
      }
      parts.push(read.value)
    }
  } catch (error) {
    // as streams report a connection that broke
    if (error instanceof TypeError) throw new AppError('weights-corrupt', `${file} is not readable: the connection broke after ${length} bytes.`, { file })
    throw error
  }
  return readJson(new Uint8Array(await new Blob(parts).arrayBuffer()), most, file)
}

/** The error of a file that is larger than what is read. */
export function tooLarge(file: string, bytes: number, most: number, code: ErrorCode): AppError {
  const name = cutText(file)
  return new AppError(code, `${name}: expected at most ${most} bytes, got ${bytes}; check that it is the right file.`, {
    file: name,
    expected: most,
    found: bytes,
  })
}
