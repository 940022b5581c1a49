// The journal of a download: the identity of the file, the chunks that are on the disk, and the SHA-256 of each.
// It is one JSON object per line, append-only, and each line is written after the bytes that it describes: an interruption
// loses at most the last line and its chunk.
import * as v from 'valibot'

const sha256 = v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/))
const size = v.pipe(v.number(), v.safeInteger(), v.minValue(0))

const HeaderSchema = v.object({
  schemaVersion: v.literal(1),
  /** where it came from; ETags can only be compared for the same URL */
  url: v.string(),
  /** of the whole file */
  bytes: size,
  etag: v.nullable(v.string()),
  chunkBytes: v.pipe(size, v.minValue(1)),
})
/** The SHA-256 of a chunk as first received; `damaged`: the bytes on the disk no longer have it. */
const ChunkSchema = v.object({ chunk: size, sha256, damaged: v.optional(v.literal(true)) })
/** The SHA-256 of the whole file, written when all chunks are present and verified. */
const WholeSchema = v.object({ whole: sha256 })

/** The identity of a file and the size of its chunks. */
export type JournalHeader = v.InferOutput<typeof HeaderSchema>

/** A parsed journal. */
export interface Journal {
  header: JournalHeader
  /** chunk → SHA-256 in hex, as first received */
  hashes: Map<number, string>
  /** chunks on the disk that are not known to be damaged */
  present: Set<number>
  /** SHA-256 of the whole file; null until it was verified */
  whole: string | null
  /** bytes of the valid lines; anything after them was cut off and is overwritten */
  validBytes: number
}

/** The first line. */
export const headerLine = (header: JournalHeader): string => line(header)
/** A chunk that is on the disk, and its hash. */
export const chunkLine = (chunk: number, hash: string): string => line({ chunk, sha256: hash })
/** A chunk that must be fetched again, and the hash that it must have. */
export const damageLine = (chunk: number, hash: string): string => line({ chunk, sha256: hash, damaged: true })
/** The verified hash of the whole file. */
export const wholeLine = (hash: string): string => line({ whole: hash })

function line(fact: object): string {
  return `${JSON.stringify(fact)}\n`
}

/** Number of chunks of a file; the last one may be shorter. */
export function chunkCount({ bytes, chunkBytes }: Pick<JournalHeader, 'bytes' | 'chunkBytes'>): number {
  return Math.ceil(bytes / chunkBytes)
}

/** The byte range of a chunk in its file; `end` is exclusive. */
export function chunkRange({ bytes, chunkBytes }: Pick<JournalHeader, 'bytes' | 'chunkBytes'>, chunk: number): { start: number; end: number } {
  return { start: chunk * chunkBytes, end: Math.min((chunk + 1) * chunkBytes, bytes) }
}

/** Bytes of the chunks on the disk. */
export function downloadedBytes({ header, present }: Pick<Journal, 'header' | 'present'>): number {
  let bytes = 0
  for (const chunk of present) {
    const { start, end } = chunkRange(header, chunk)
    bytes += end - start
  }
  return bytes
}

/** Parses a journal up to its first invalid line; undefined if that is the header. */
export function parseJournal(text: string): Journal | undefined {
  const lines = text.split('\n')
  lines.pop() // after the last newline: nothing, or a line that was cut off
  const header = v.safeParse(HeaderSchema, parseLine(lines[0]))
  if (!header.success) return undefined

  const journal: Journal = { header: header.output, hashes: new Map(), present: new Set(), whole: null, validBytes: lineBytes(lines[0]) }
  const chunks = chunkCount(journal.header)
  for (const text of lines.slice(1)) {
    const fact = parseLine(text)
    const chunk = v.safeParse(ChunkSchema, fact)
    const whole = v.safeParse(WholeSchema, fact)
    if (chunk.success && chunk.output.chunk < chunks) {
      const { chunk: index, sha256, damaged } = chunk.output
      journal.hashes.set(index, sha256)
      if (damaged) journal.present.delete(index)
      else journal.present.add(index)
      journal.whole = null // the file has changed since it was verified
    } else if (whole.success && journal.present.size === chunks) {
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
