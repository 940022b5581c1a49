// Records and files together: what the page calls the library.
import { AppError, toErrorData, type ErrorData } from '../../src/shared/errors'
import { RECORD_SCHEMA_VERSION, type ClipRecord } from '../../src/shared/record'
import type { WrittenClip } from './clip-file'
import { ifNotInTheMaking, unlockClip } from './clip-lock'
import { listClipFiles, openClip, removeClip } from './opfs'
import { openRecords, type Records } from './records'

/** Runs with the records open, and closes them again: no connection is held that could block another tab's upgrade. */
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
  if (!record) throw new AppError('not-found', 'This clip is not in the library any more.', { id })
  return openClip(record.file)
}

/** Removes a clip: the record first, so that what a crash leaves is a file without a record, which is swept up. */
export async function removeSavedClip(id: string): Promise<void> {
  await withRecords(async (records) => {
    const record = await records.get(id)
    await records.remove(id)
    if (record) await removeClip(record.file)
  })
}

/** What a record says beyond what the written clip says itself. */
export type RecordFacts = Pick<ClipRecord, 'request' | 'modelName' | 'modelVersion' | 'durationSeconds' | 'codec' | 'poster' | 'report'>

/** A clip after saving: with its record's id, or with the reason why it has none. */
export interface SavedClip {
  id: string | null
  blob: Blob
  saveError?: ErrorData
}

/** Writes the record of a written clip, last of all. Without room for it the clip goes on living in memory. */
export async function saveClip(clip: WrittenClip, facts: RecordFacts): Promise<SavedClip> {
  const { file, blob, saveError } = clip
  if (file === null) return { id: null, blob, saveError }
  const id = file.replace(/\.\w+$/, '')
  try {
    await withRecords((records) =>
      records.put({ schemaVersion: RECORD_SCHEMA_VERSION, id, createdAtMs: Date.now(), bytes: blob.size, file, ...facts }),
    )
    return { id, blob }
  } catch (error) {
    const inMemory = new Blob([await blob.arrayBuffer()], { type: blob.type })
    await removeClip(file)
    return { id: null, blob: inMemory, saveError: toErrorData(error) }
  } finally {
    unlockClip(file)
  }
}

/** Removes files that have no record and are not being made right now; gives their names. */
export async function sweepClips(): Promise<string[]> {
  const removed: string[] = []
  for (const file of await listClipFiles()) {
    // the record is looked for under the lock: the clip may have been finished since the listing
    await ifNotInTheMaking(file, async () => {
      const records = await withRecords((open) => open.list())
      if (records.some((record) => record.file === file)) return
      await removeClip(file)
      removed.push(file)
    })
  }
  return removed
}
