// The API of the library: clips in OPFS, records in IndexedDB, media assets in OPFS.
import { expose } from 'comlink'
import type { LibraryApi, SavedAsset } from '../src/shared/worker-apis'
import { registerErrorTransfer } from '../src/shared/error-transfer'
import { announceWorker } from '../src/shared/worker-life'
import { saveAsset, openAsset, sweepAssets } from './storage/assets'
import { clipsOfJobs, openSavedClip, removeSavedClip, sweepClips, withRecords } from './storage/library'
import { listQueues, saveQueue } from './storage/queues'

registerErrorTransfer()
announceWorker()

// deletes files that a crash or a closed tab left without a record; the library also works if that fails
const swept = sweepClips().catch((error: unknown) => console.warn('Could not delete unfinished clips:', error))

async function save(file: File): Promise<SavedAsset> {
  const { id, name, file: saved } = await saveAsset(new AbortController().signal, file)
  return { id, name, bytes: saved.size }
}

const library: LibraryApi = {
  async list() {
    await swept
    return withRecords((records) => records.list())
  },
  open: openSavedClip,
  saveAsset: save,
  inspectVideo: async (file) => (await import('./media/whole-part')).wholePart(new AbortController().signal, file, file.name),
  async saveFrame(clipId, which) {
    const clip = await openSavedClip(clipId)
    if (clip.type === 'image/png') return save(new File([clip], 'still.png', { type: clip.type }))
    const { clipFrame } = await import('./media/inspect-video')
    const image = await clipFrame(new AbortController().signal, clip, which)
    return save(new File([image], `${which}-frame.png`, { type: image.type }))
  },
  openAsset: async (id) => (await openAsset(id)).file,
  sweepAssets,
  // the video reader is loaded on first use
  videoTag: async (file, name) => (await import('./media/inspect-video')).readVideoTag(file, name),
  remove: removeSavedClip,
  clipsOfJobs,
  queues: listQueues,
  saveQueue,
  async usage() {
    const { usage = 0, quota = 0 } = await navigator.storage.estimate()
    return { usedBytes: usage, quotaBytes: quota }
  },
}

expose(library)
