// The API of the library: clips in OPFS, records in IndexedDB, media assets in OPFS.
import { expose } from 'comlink'
import type { LibraryApi, SavedAsset } from '../src/shared/worker-apis'
import { registerErrorTransfer } from '../src/shared/error-transfer'
import { saveAsset, openAsset, sweepAssets } from './storage/assets'
import { openSavedClip, removeSavedClip, sweepClips, withRecords } from './storage/library'

registerErrorTransfer()

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
  async saveVideo(file) {
    const { wholePart } = await import('./media/whole-part')
    const whole = await wholePart(new AbortController().signal, file, file.name)
    return { ...(await save(file)), ...whole }
  },
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
  async usage() {
    const { usage = 0, quota = 0 } = await navigator.storage.estimate()
    return { usedBytes: usage, quotaBytes: quota }
  },
}

expose(library)
