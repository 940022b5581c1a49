// The library's door: clips on OPFS, records in IndexedDB.
import { expose } from 'comlink'
import type { LibraryDoor } from '../src/shared/doors'
import { registerErrorTransfer } from '../src/shared/error-transfer'
import { keepAsset, openAsset } from './storage/assets'
import { openSavedClip, removeSavedClip, sweepClips, withRecords } from './storage/library'

registerErrorTransfer()

// files that a crash or a closed tab left without a record; the library works as well with them
const swept = sweepClips().catch((error: unknown) => console.warn('Could not sweep up unfinished clips:', error))

const library: LibraryDoor = {
  async list() {
    await swept
    return withRecords((records) => records.list())
  },
  open: openSavedClip,
  async keepAsset(file) {
    const { id, name, file: kept } = await keepAsset(new AbortController().signal, file)
    return { id, name, bytes: kept.size }
  },
  openAsset: async (id) => (await openAsset(id)).file,
  // what reads video files is loaded when one is dropped
  videoTag: async (file, name) => (await import('./media/read-tag')).readVideoTag(file, name),
  remove: removeSavedClip,
  async usage() {
    const { usage = 0, quota = 0 } = await navigator.storage.estimate()
    return { usedBytes: usage, quotaBytes: quota }
  },
}

expose(library)
