// The edit list of a track in an MP4 or QuickTime file: which parts of the track are shown, and when. mediabunny applies the start of the
// first part only. ISO/IEC 14496-12, 8.6.6.

/** A part of the presentation, one after the other. */
export interface Edit {
  /** its length; 0: up to the end of the track */
  seconds: number
  /** where it begins in the track's own time; undefined: nothing is shown */
  mediaSeconds: number | undefined
}

/** A track's edits, and the length of one tick of the clock in which their lengths are counted. */
export interface EditList {
  edits: readonly Edit[]
  tickSeconds: number
}

/** Of a movie box: an hour's takes some megabytes. */
const MAX_MOVIE_BYTES = 2 ** 26
/** Bytes of a box's size and name; of a large one's, whose size follows its name. */
const HEAD_BYTES = 8
const LARGE_HEAD_BYTES = 16

/** Reads the edit list of a track; undefined if it has none, or the file is not of this format. */
export async function readEditList(file: Blob, trackId: number): Promise<EditList | undefined> {
  const movie = await movieBox(file)
  if (!movie) return undefined
  const header = box(movie, 'mvhd')
  const track = boxes(movie, 'trak').find((candidate) => trackIdOf(candidate) === trackId)
  const list = track && box(track, 'edts', 'elst')
  const mediaHeader = track && box(track, 'mdia', 'mdhd')
  if (!header || !list || !mediaHeader) return undefined
  const movieTicks = timescaleOf(header)
  const mediaTicks = timescaleOf(mediaHeader)
  if (!movieTicks || !mediaTicks) return undefined
  const wide = list.getUint8(0) === 1
  const entryBytes = wide ? 20 : 12
  const count = Math.min(list.getUint32(4), Math.floor((list.byteLength - 8) / entryBytes))
  const edits = Array.from({ length: count }, (_, index): Edit => {
    const at = 8 + index * entryBytes
    const ticks = wide ? Number(list.getBigUint64(at)) : list.getUint32(at)
    const start = wide ? Number(list.getBigInt64(at + 8)) : list.getInt32(at + 4)
    return { seconds: ticks / movieTicks, mediaSeconds: start < 0 ? undefined : start / mediaTicks }
  })
  return edits.length > 0 ? { edits, tickSeconds: 1 / movieTicks } : undefined
}

/** The content of the file's movie box, which may stand at its end. */
async function movieBox(file: Blob): Promise<DataView | undefined> {
  for (let at = 0; at + HEAD_BYTES <= file.size;) {
    const head = new DataView(await file.slice(at, at + LARGE_HEAD_BYTES).arrayBuffer())
    const { size, headBytes } = sizeOf(head, 0, file.size - at)
    if (size < headBytes) return undefined
    if (nameOf(head, 0) === 'moov') return size > MAX_MOVIE_BYTES ? undefined : new DataView(await file.slice(at + headBytes, at + size).arrayBuffer())
    at += size
  }
  return undefined
}

/** The content of the first box at a path of names. */
function box(parent: DataView, ...path: string[]): DataView | undefined {
  return path.reduce<DataView | undefined>((inside, name) => inside && boxes(inside, name)[0], parent)
}

/** The contents of all boxes of a name. */
function boxes(parent: DataView, name: string): DataView[] {
  const found: DataView[] = []
  for (let at = 0; at + HEAD_BYTES <= parent.byteLength;) {
    const { size, headBytes } = sizeOf(parent, at, parent.byteLength - at)
    if (size < headBytes || at + size > parent.byteLength) break
    if (nameOf(parent, at) === name) found.push(new DataView(parent.buffer, parent.byteOffset + at + headBytes, size - headBytes))
    at += size
  }
  return found
}

/** @param rest bytes to the end of the parent, which a size of 0 stands for */
function sizeOf(view: DataView, at: number, rest: number): { size: number; headBytes: number } {
  const size = view.getUint32(at)
  if (size === 0) return { size: rest, headBytes: HEAD_BYTES }
  if (size !== 1) return { size, headBytes: HEAD_BYTES }
  return at + LARGE_HEAD_BYTES <= view.byteLength
    ? { size: Number(view.getBigUint64(at + HEAD_BYTES)), headBytes: LARGE_HEAD_BYTES }
    : { size: 0, headBytes: HEAD_BYTES }
}

function nameOf(view: DataView, at: number): string {
  return String.fromCharCode(...[4, 5, 6, 7].map((offset) => view.getUint8(at + offset)))
}

function trackIdOf(track: DataView): number | undefined {
  const header = box(track, 'tkhd')
  const at = header?.byteLength && header.getUint8(0) === 1 ? 20 : 12
  return header && at + 4 <= header.byteLength ? header.getUint32(at) : undefined
}

/** Ticks a second of a movie's or a track's clock. */
function timescaleOf(header: DataView): number {
  const at = header.byteLength && header.getUint8(0) === 1 ? 20 : 12
  return at + 4 <= header.byteLength ? header.getUint32(at) : 0
}
