// The bounds of a tokenizer.json: how much it holds, and what its patterns may be. They run on every prompt, in one call that cannot be
// interrupted.
import { AppError, cutText } from '../../src/shared/errors'
import { MAX_FILE_BYTES, tooLarge } from '../../src/shared/file-bounds'

/** Values of the largest known: 262 144 pieces and 514 906 merges of two. */
const MOST_VALUES = 2_500_000
/** Parts of its rules, such as normalizers. */
const MOST_PARTS = 10_000
/** Characters of a pattern; the longest known have some 300. */
const MOST_PATTERN_CHARACTERS = 2000
/** Repetitions from which on one counts as without end. */
const MANY = 32

const COMMA = 0x2c

/**
 * The content of a tokenizer.json.
 * @throws AppError weights-corrupt when it is larger than one, or has a pattern that may run without end
 */
export function readTokenizerJson(bytes: Uint8Array, file: string): object {
  if (bytes.length > MAX_FILE_BYTES.tokenizer) throw tooLarge(file, bytes.length, MAX_FILE_BYTES.tokenizer, 'weights-corrupt')
  // counted before parsing, which takes as long and as much memory as there are values
  let values = 1
  for (let at = bytes.indexOf(COMMA); at >= 0 && values <= MOST_VALUES; at = bytes.indexOf(COMMA, at + 1)) values++
  if (values > MOST_VALUES) throw refusal(file, `of at most ${MOST_VALUES} values`, 'more')
  const json = parse(bytes, file)
  for (const part of ['normalizer', 'pre_tokenizer', 'post_processor', 'decoder'] as const) {
    for (const pattern of patternsIn(json[part], file)) {
      if (pattern.length > MOST_PATTERN_CHARACTERS)
        throw refusal(file, `whose ${part} has patterns of at most ${MOST_PATTERN_CHARACTERS} characters`, `one of ${pattern.length}`)
      if (mayRunForEver(pattern)) throw refusal(file, `whose ${part} has no repetition inside a repetition`, cutText(pattern))
    }
  }
  return json
}

function parse(bytes: Uint8Array, file: string): Record<string, unknown> {
  let json: unknown
  try {
    json = JSON.parse(new TextDecoder().decode(bytes))
  } catch {
    throw refusal(file, 'in JSON', 'other text')
  }
  if (typeof json !== 'object' || json === null || Array.isArray(json))
    throw refusal(file, 'that is a JSON object', Array.isArray(json) ? 'a list' : typeof json)
  return json as Record<string, unknown>
}

/** @param expected what follows "a tokenizer" */
function refusal(file: string, expected: string, found: string): AppError {
  return new AppError('weights-corrupt', `${file}: expected a tokenizer ${expected}, got ${found}; check that it is the right file.`, { file, expected, found })
}

/** Every `{ "Regex": "…" }` in a part. */
function patternsIn(part: unknown, file: string): string[] {
  const found: string[] = []
  const rest = [part]
  for (let parts = 0; rest.length > 0; parts++) {
    if (parts > MOST_PARTS) throw refusal(file, `with rules of at most ${MOST_PARTS} parts`, 'more')
    const value = rest.pop()
    if (typeof value !== 'object' || value === null) continue
    for (const [key, inner] of Object.entries(value)) {
      if (key === 'Regex' && typeof inner === 'string') found.push(inner)
      else rest.push(inner)
    }
  }
  return found
}

/**
 * Whether a pattern repeats a group without end that itself repeats without end or has alternatives: the time of such a one can double with
 * every character, and no known tokenizer has one. Pure.
 */
export function mayRunForEver(pattern: string): boolean {
  /** of each open group: whether it has a repetition or alternatives */
  const groups = [false]
  const mark = () => (groups[groups.length - 1] = true)
  for (let at = 0; at < pattern.length; at++) {
    const letter = pattern[at]
    if (letter === '\\') at++
    else if (letter === '[') at = endOfClass(pattern, at)
    else if (letter === '(') groups.push(false)
    else if (letter === '|') mark()
    else if (letter === ')') {
      const varies = groups.length > 1 && groups.pop() === true
      if (varies && repeatsWithoutEnd(pattern, at + 1)) return true
      if (varies) mark()
    } else if (repeatsWithoutEnd(pattern, at)) mark()
  }
  return false
}

/** The place of the bracket that closes a class of characters. */
function endOfClass(pattern: string, start: number): number {
  for (let at = start + 1; at < pattern.length; at++) {
    if (pattern[at] === '\\') at++
    else if (pattern[at] === ']') return at
  }
  return pattern.length
}

function repeatsWithoutEnd(pattern: string, at: number): boolean {
  if (pattern[at] === '*' || pattern[at] === '+') return true
  const [, least, comma, most] = /^\{(\d+)(,?)(\d*)\}/.exec(pattern.slice(at, at + 24)) ?? []
  if (least === undefined) return false
  return Number(most || (comma ? Infinity : least)) > MANY
}
