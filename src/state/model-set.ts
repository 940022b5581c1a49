// A model set is a catalogue entry with its dependencies: a video model needs a text encoder of its kind, which needs a tokenizer. Text
// encoder and tokenizer are shared between video models that need the same kind. The prompt enhancer has no dependencies.
import type { DownloadState, DownloadStatus } from '../shared/worker-apis'
import { CATALOGUE, tokenizerOf } from '../shared/model-catalogue'
import type { CatalogueEntry } from '../shared/model-catalogue'

export const VIDEO_ENTRIES = CATALOGUE.filter(({ role }) => role === 'video')

/** Entries that the user downloads directly; their dependencies are downloaded with them. */
export const CHOSEN_ENTRIES = CATALOGUE.filter(({ role }) => role !== 'tokenizer')

/** An entry and all its dependencies, itself first. Pure. @param encoder of a video model: the text encoder that it uses */
export function modelSet(entry: CatalogueEntry, encoder?: CatalogueEntry, catalogue = CATALOGUE): CatalogueEntry[] {
  if (entry.role !== 'video' && entry.role !== 'text-encoder') return [entry]
  const tokenizer = tokenizerOf(entry, catalogue)
  return [entry, ...(entry.role === 'video' && encoder ? [encoder] : []), ...(tokenizer ? [tokenizer] : [])]
}

/** A file of a set. */
export interface SetPart {
  source: CatalogueEntry
  path: string
  bytesDone: number
  bytesTotal: number
  status: DownloadStatus
}

/** Download state of a set. */
export interface SetProgress {
  status: DownloadStatus
  parts: SetPart[]
  bytesDone: number
  bytesTotal: number
  /** bytes that are not downloaded yet */
  bytesMissing: number
  bytesPerSecond: number | null
  secondsLeft: number | null
  resumable: boolean | null
  note: string | null
}

/** Whether a download or a verification is running. Pure. */
export function isActive(status: DownloadStatus): boolean {
  return status === 'connecting' || status === 'downloading' || status === 'waiting' || status === 'checking'
}

/**
 * Combines the states of a set. Pure.
 * @param sources the set as returned by {@link modelSet}
 * @param states the latest state of each entry by id
 * @param running whether this set is being downloaded or verified. Activity of a shared entry for another set is ignored, and the time
 *   between two entries counts as active.
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
    // of the whole set; while hashes are verified, only the worker knows the time left
    secondsLeft: active?.status === 'downloading' && bytesPerSecond ? bytesMissing / bytesPerSecond : (active?.secondsLeft ?? null),
    resumable: active?.resumable ?? null,
    note: active?.note ?? null,
  }
}

/** A set is complete if all its entries are, and absent if its first entry is. */
function restingStatus(statuses: readonly DownloadStatus[]): DownloadStatus {
  if (statuses.every((status) => status === 'complete')) return 'complete'
  return statuses[0] === 'absent' ? 'absent' : 'paused'
}

/** State of an entry that is not downloaded. Pure. */
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
