// The flags of `npm run generate`, read and checked before anything starts.
import { parseArgs } from 'node:util'
import * as v from 'valibot'
import { ModeIdSchema, MODES, type ModeFlagValues } from '../src/shared/modes'
import type { Flag } from '../src/shared/modes/mode'

/** A wrong flag or value; its message is one clear line. */
export class UsageError extends Error {}

function whole(min: number, max: number) {
  const message = `expected a whole number from ${min} to ${max}`
  return v.optional(v.pipe(v.string(), v.regex(/^\d+$/, message), v.transform(Number), v.minValue(min, message), v.maxValue(max, message)))
}

function decimal(min: number, max: number) {
  const message = `expected a number from ${min} to ${max}`
  return v.optional(v.pipe(v.string(), v.regex(/^\d+(\.\d+)?$/, message), v.transform(Number), v.minValue(min, message), v.maxValue(max, message)))
}

const file = (what: string) => v.optional(v.pipe(v.string(), v.minLength(1, `expected ${what}`)))

/** Flags of every mode, and of what is not the modes' matter. */
const GeneralFlags = {
  recipe: file('a WebM, MP4, PNG or JSON file'),
  media: v.optional(v.array(v.pipe(v.string(), v.regex(/^[^=]{8,}=.+$/, 'expected ID=FILE with at least 8 characters of the id')))),
  prompt: v.optional(v.string()),
  negative: v.optional(v.string()),
  seed: whole(0, 0xffffffff),
  width: whole(1, 16384),
  height: whole(1, 16384),
  frames: whole(1, 100_000),
  fps: decimal(1, 120),
  steps: whole(1, 1000),
  guidance: decimal(1, 100),
  cache: decimal(0, 1),
  out: v.pipe(v.string(), v.regex(/\.(webm|png)$/, 'expected a file that ends in .webm, or in .png for a still')),
  model: file('a folder, an address, the name of a model that ships with the page, or download:<video>?encoder=<encoder>'),
  mirror: file('the address of a mirror'),
  'accept-license': v.optional(v.boolean(), false),
  json: v.optional(v.boolean(), false),
  precision: v.optional(v.picklist(['f32', 'f16'], 'expected f32 or f16')),
  weights: v.optional(v.picklist(['i8', 'i4'], 'expected i8 or i4')),
  autotune: v.optional(v.boolean(), false),
  profile: file('a folder'),
  noise: file('a safetensors file'),
  embeds: file('a safetensors file'),
  'save-latents': file('a file'),
  mode: v.optional(v.picklist(ModeIdSchema.options, `expected ${ModeIdSchema.options.join(', ')}`)),
  seconds: decimal(0.1, 60),
  variations: whole(1, 16),
}

/** The flags that the modes declare, by their names; modes share some. */
const MODE_FLAGS: Readonly<Record<string, Flag>> = Object.assign({}, ...MODES.map(({ flags }) => flags))

const FlagsSchema = v.object({ ...GeneralFlags, ...Object.fromEntries(Object.entries(MODE_FLAGS).map(([name, flag]) => [name, schemaOf(flag)])) })

function schemaOf(flag: Flag): v.GenericSchema {
  switch (flag.kind) {
    case 'file':
      return file(flag.what)
    case 'number':
      return decimal(flag.min, flag.max)
    case 'switch':
      return v.optional(v.boolean(), false)
    case 'list':
      return v.optional(v.array(v.pipe(v.string(), v.regex(/^\d+(\.\d+)?=.+$/, 'expected SECONDS=FILE'))))
  }
}

/** The values of the flags; undefined: what the recipe says, or without one the model's default. Sizes in pixels, fps in frames per second. */
export type GenerateFlags = v.InferOutput<v.ObjectSchema<typeof GeneralFlags, undefined>> & ModeFlagValues

/** The flags as parseArgs takes them: a schema of booleans is a switch. */
const OPTIONS = Object.fromEntries(
  Object.entries<v.GenericSchema>(FlagsSchema.entries).map(([name, schema]) => {
    const isSwitch = v.is(schema, true)
    return [name, { type: isSwitch ? ('boolean' as const) : ('string' as const), multiple: MODE_FLAGS[name]?.kind === 'list' || name === 'media' }]
  }),
)

/** Flags by the names that they had in earlier versions. */
const OLD_NAMES: ReadonlyMap<string, string> = new Map([['--accept-licence', '--accept-license']])

/** Reads the flags. @throws UsageError naming the flag, what was expected and what was given. Pure. */
export function parseFlags(argv: readonly string[]): GenerateFlags {
  let values: Record<string, unknown>
  try {
    values = parseArgs({
      args: bindNegativeNumbers(argv.map((word) => OLD_NAMES.get(word) ?? word)),
      strict: true,
      allowPositionals: false,
      options: OPTIONS,
    }).values
  } catch (error) {
    throw new UsageError(firstSentence(error instanceof Error ? error.message : String(error)))
  }
  // the file of a storyboard or recipe has the prompts
  if (values['recipe'] === undefined && values['storyboard'] !== undefined) values['prompt'] ??= ''
  if (values['recipe'] === undefined && values['prompt'] === undefined) throw missing('prompt')
  if (values['media'] !== undefined && values['recipe'] === undefined) throw new UsageError('--media: expected --recipe beside it, got none')
  const parsed = v.safeParse(FlagsSchema, values)
  if (parsed.success) {
    const flags = parsed.output as GenerateFlags
    if (flags.recipe === undefined || flags.frames !== undefined) requireKind(flags.frames, flags.out)
    return flags
  }
  const issue = parsed.issues[0]
  const flag = v.getDotPath(issue)?.split('.')[0] ?? 'flag' // of a list the flag, not the entry
  if (values[flag] === undefined) throw missing(flag)
  throw new UsageError(`--${flag}: ${issue.message}, got ${JSON.stringify(Array.isArray(values[flag]) ? issue.input : values[flag])}`)
}

function missing(flag: string): UsageError {
  return new UsageError(`--${flag} is missing: ${flag === 'out' ? '--out clip.webm' : '--prompt "a red sky at sunset"'}`)
}

/** A clip of one frame is a still image. @throws UsageError */
export function requireKind(frames: number | undefined, out: string): void {
  const still = frames === 1
  if (still === out.endsWith('.png')) return
  throw new UsageError(
    still
      ? `--out: expected a file that ends in .png for --frames 1, got "${out}"`
      : `--out: expected a file that ends in .webm, or --frames 1 for a still, got "${out}"`,
  )
}

/** In `--seed -1`, -1 is a value and not a flag: bound with =, so that the message names the seed. */
function bindNegativeNumbers(argv: readonly string[]): string[] {
  const bound: string[] = []
  for (const word of argv) {
    const last = bound.at(-1)
    if (/^-\d/.test(word) && last?.startsWith('--') && !last.includes('=')) bound[bound.length - 1] = `${last}=${word}`
    else bound.push(word)
  }
  return bound
}

/** Node's messages also explain positional arguments, which this command does not take. */
function firstSentence(message: string): string {
  return message.split('\n')[0]!.replace(/\. (To specify|This command).*$/, '')
}
