// The library: clip files and their records together.
import { AppError, toErrorData, type ErrorData } from '../../src/shared/errors'
import { RECORD_SCHEMA_VERSION, type ClipRecord } from '../../src/shared/record'
import type { WrittenClip } from './clip-file'
import { ifUnlocked, listClipFiles, openClip, removeClip, unlockClip } from './clips'
import { openRecords, type Records } from './records'

/** Runs `action` with the records open and closes them again: an open connection could block another tab's upgrade. */
export async function withRecords<T>(action: (records: Records) => Promise<T>): Promise<T> {
  const records = await openRecords()
  try {
    return await action(records)
  } finally {
    records.close()
  }
}

/**
 * A clip's bytes by its record's id.
 * @throws AppError not-found
 */
export async function openSavedClip(id: string): Promise<Blob> {
  const record = await withRecords((records) => records.get(id))
  if (!record) throw new AppError('not-found', 'This clip is no longer in the library.', { id })
  return openClip(record.file)
}

/** Deletes a clip: the record first, so that a crash leaves at most a file without a record, which sweepClips deletes. */
export async function removeSavedClip(id: string): Promise<void> {
  await withRecords(async (records) => {
    const record = await records.get(id)
    await records.remove(id)
    if (record) await removeClip(record.file)
  })
}

/** The fields of a record that do not follow from the written clip. */
export type RecordFacts = Pick<ClipRecord, 'jobId' | 'request' | 'modelName' | 'modelVersion' | 'durationSeconds' | 'codec' | 'poster' | 'report'>

/** A clip after saving: with its record's id, or with the reason why it has none. */
export interface SavedClip {
  id: string | null
  blob: Blob
  saveError?: ErrorData
}

/**
 * Writes the record of a written clip, as the last step of saving. If there is no storage for it, the clip stays in memory. A job that
 * has made a clip already keeps that one, and this one is deleted.
 */
export async function saveClip(clip: WrittenClip, facts: RecordFacts): Promise<SavedClip> {
  const { file, blob, saveError } = clip
  if (file === null) return { id: null, blob, saveError }
  const id = file.replace(/\.\w+$/, '')
  try {
    const record: ClipRecord = { schemaVersion: RECORD_SCHEMA_VERSION, id, createdAtMs: Date.now(), bytes: blob.size, file, ...facts }
    const kept = await withRecords((records) => records.put(record))
    if (kept.id === id) return { id, blob }
    const former = await openClip(kept.file)
    await removeClip(file)
    return { id: kept.id, blob: former }
  } catch (error) {
    const inMemory = new Blob([await blob.arrayBuffer()], { type: blob.type })
    await removeClip(file)
    return { id: null, blob: inMemory, saveError: toErrorData(error) }
  } finally {
    unlockClip(file)
  }
}

/** The records of the clips that these jobs have made. */
export async function clipsOfJobs(jobIds: readonly string[]): Promise<ClipRecord[]> {
  const found = await withRecords((records) => Promise.all(jobIds.map((id) => records.ofJob(id))))
  return found.filter((record) => record !== undefined)
}

/** Deletes clip files that have no record and that no worker is making. @returns their names */
export async function sweepClips(): Promise<string[]> {
  const removed: string[] = []
  for (const file of await listClipFiles()) {
    // records are read under the lock: the clip may have been finished since the listing
    await ifUnlocked(file, async () => {
      const records = await withRecords((open) => open.list())
      if (records.some((record) => record.file === file)) return
      await removeClip(file)
      removed.push(file)
    })
  }
  return removed
}
