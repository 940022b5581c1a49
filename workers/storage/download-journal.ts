// What is known of a file that is being downloaded: its identity, which chunks are here, and the SHA-256 of each.
// One line of JSON a fact, only ever appended, each line after the bytes that it speaks of: whatever is cut off at any moment
// costs the last line, and with it at most the chunk under way.
import * as v from 'valibot'

const sha256 = v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/))
const size = v.pipe(v.number(), v.safeInteger(), v.minValue(0))

const HeaderSchema = v.object({
  schemaVersion: v.literal(1),
  /** where it came from, for the comparison of ETags: servers name the same bytes differently */
  url: v.string(),
  /** of the whole file */
  bytes: size,
  etag: v.nullable(v.string()),
  chunkBytes: v.pipe(size, v.minValue(1)),
})
/** A chunk's hash as it was when it first came; `damaged`: what is on the disk has another one since. */
const ChunkSchema = v.object({ chunk: size, sha256, damaged: v.optional(v.literal(true)) })
/** The hash of the whole file, once all of it was read and found right. */
const WholeSchema = v.object({ whole: sha256 })

/** Which file it is, and how it is cut. */
export type JournalHeader = v.InferOutput<typeof HeaderSchema>

/** A journal as it was read. */
export interface Journal {
  header: JournalHeader
  /** chunk → SHA-256 in hex when it first came */
  hashes: Map<number, string>
  /** chunks that are here, undamaged as far as is known */
  here: Set<number>
  /** SHA-256 of the whole file; null until it was checked */
  whole: string | null
  /** length of the lines that could be read, bytes: what comes after was cut off, and is written over */
  validBytes: number
}

/** The journal's first line. */
export const headerLine = (header: JournalHeader): string => line(header)
/** A chunk that is here, with its hash. */
export const chunkLine = (chunk: number, hash: string): string => line({ chunk, sha256: hash })
/** A chunk that must be fetched again, and the hash that it must have then. */
export const damageLine = (chunk: number, hash: string): string => line({ chunk, sha256: hash, damaged: true })
/** The whole file was read and has this hash. */
export const wholeLine = (hash: string): string => line({ whole: hash })

function line(fact: object): string {
  return `${JSON.stringify(fact)}\n`
}

/** Chunks of a file; the last may be shorter. */
export function chunkCount({ bytes, chunkBytes }: Pick<JournalHeader, 'bytes' | 'chunkBytes'>): number {
  return Math.ceil(bytes / chunkBytes)
}

/** Where a chunk lies in its file: bytes `start` up to, not including, `end`. */
export function chunkRange({ bytes, chunkBytes }: Pick<JournalHeader, 'bytes' | 'chunkBytes'>, chunk: number): { start: number; end: number } {
  return { start: chunk * chunkBytes, end: Math.min((chunk + 1) * chunkBytes, bytes) }
}

/** Bytes of the chunks that are here. */
export function keptBytes({ header, here }: Pick<Journal, 'header' | 'here'>): number {
  let kept = 0
  for (const chunk of here) {
    const { start, end } = chunkRange(header, chunk)
    kept += end - start
  }
  return kept
}

/** Reads a journal up to the first line that is not whole; undefined when that is the first one: then nothing is known. */
export function parseJournal(text: string): Journal | undefined {
  const lines = text.split('\n')
  lines.pop() // what follows the last line's end: nothing, or a line that was cut off
  const header = v.safeParse(HeaderSchema, parseLine(lines[0]))
  if (!header.success) return undefined

  const journal: Journal = { header: header.output, hashes: new Map(), here: new Set(), whole: null, validBytes: lineBytes(lines[0]) }
  const chunks = chunkCount(journal.header)
  for (const text of lines.slice(1)) {
    const fact = parseLine(text)
    const chunk = v.safeParse(ChunkSchema, fact)
    const whole = v.safeParse(WholeSchema, fact)
    if (chunk.success && chunk.output.chunk < chunks) {
      const { chunk: index, sha256, damaged } = chunk.output
      journal.hashes.set(index, sha256)
      if (damaged) journal.here.delete(index)
      else journal.here.add(index)
      journal.whole = null // whatever was checked before is not this file any more
    } else if (whole.success && journal.here.size === chunks) {
      journal.whole = whole.output.whole
    } else {
      break
    }
    journal.validBytes += lineBytes(text)
  }
  return journal
}

function lineBytes(text = ''): number {
  return new TextEncoder().encode(text).length + 1
}

function parseLine(text = ''): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
