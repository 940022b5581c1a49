// What a person sees as one model is up to three sources: the video model itself, the text encoder that reads its prompt,
// and that one's tokenizer. Encoder and tokenizer are shared by all models that read with them. The prompt writer is for itself.
import type { DownloadState, DownloadStatus } from '../shared/worker-apis'
import { CATALOGUE } from '../shared/model-catalogue'
import type { CatalogueEntry } from '../shared/model-catalogue'

export const VIDEO_SOURCES = CATALOGUE.filter((source) => source.role === 'video')
export const ENCODER_SOURCES = CATALOGUE.filter((source) => source.role === 'text-encoder')
export const TOKENIZER_SOURCES = CATALOGUE.filter((source) => source.role === 'tokenizer')

/** Sources that a person downloads by themselves; what these need comes along. */
export const CHOSEN_SOURCES = CATALOGUE.filter((source) => source.role !== 'tokenizer')

/** Everything that has to be here for `source` to work, itself first. Pure. @param encoder that reads for video models */
export function modelSet(source: CatalogueEntry, encoder: CatalogueEntry): CatalogueEntry[] {
  if (source.role === 'video') return [source, encoder, ...TOKENIZER_SOURCES]
  return source.role === 'text-encoder' ? [source, ...TOKENIZER_SOURCES] : [source]
}

/** A file of a set, as it is listed. */
export interface SetPart {
  source: CatalogueEntry
  path: string
  bytesDone: number
  bytesTotal: number
  status: DownloadStatus
}

/** Where a whole set stands. */
export interface SetProgress {
  status: DownloadStatus
  parts: SetPart[]
  bytesDone: number
  bytesTotal: number
  /** still to come */
  bytesMissing: number
  bytesPerSecond: number | null
  secondsLeft: number | null
  resumable: boolean | null
  note: string | null
}

/** Whether something is under way. Pure. */
export function isActive(status: DownloadStatus): boolean {
  return status === 'connecting' || status === 'downloading' || status === 'waiting' || status === 'checking'
}

/**
 * Adds up a set. Pure.
 * @param sources the set, itself first
 * @param states what the worker said of each source, by id
 * @param running whether this set is being gone through: what happens to a shared source for another set is not its own
 *   progress, and the moment between two sources is no standstill
 */
export function setProgress(sources: readonly CatalogueEntry[], states: ReadonlyMap<string, DownloadState>, running: boolean): SetProgress {
  const entries = sources.map((source) => ({ source, state: states.get(source.id) ?? absent(source) }))
  const parts = entries.flatMap(({ source, state }) => state.parts.map((part) => ({ source, ...part, status: state.status })))
  const sum = (of: (part: SetPart) => number) => parts.reduce((total, part) => total + of(part), 0)
  const bytesMissing = sum((part) => (part.status === 'complete' ? 0 : Math.max(0, part.bytesTotal - part.bytesDone)))

  const active = running ? entries.map(({ state }) => state).find(({ status }) => isActive(status)) : undefined
  const bytesPerSecond = active?.bytesPerSecond ?? null
  return {
    status: running ? (active?.status ?? 'connecting') : restingStatus(entries.map(({ state }) => state.status)),
    parts,
    bytesDone: sum((part) => part.bytesDone),
    bytesTotal: sum((part) => part.bytesTotal),
    bytesMissing,
    bytesPerSecond,
    // of all that is to come; while hashes are compared, the worker alone knows what is left
    secondsLeft: active?.status === 'downloading' && bytesPerSecond ? bytesMissing / bytesPerSecond : (active?.secondsLeft ?? null),
    resumable: active?.resumable ?? null,
    note: active?.note ?? null,
  }
}

/** A set is here when all of it is, and not begun while nothing of its own source is here. */
function restingStatus(statuses: readonly DownloadStatus[]): DownloadStatus {
  if (statuses.every((status) => status === 'complete')) return 'complete'
  return statuses[0] === 'absent' ? 'absent' : 'paused'
}

/** A source of which nothing is here. Pure. */
export function absent(source: CatalogueEntry): DownloadState {
  return {
    source: source.id,
    status: 'absent',
    parts: source.files.map(({ path, aboutBytes }) => ({ path, bytesDone: 0, bytesTotal: aboutBytes })),
    bytesPerSecond: null,
    secondsLeft: null,
    resumable: null,
    note: null,
    error: null,
  }
}
