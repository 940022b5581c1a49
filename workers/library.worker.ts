// The library's door: clips on OPFS, records in IndexedDB.
import { expose } from 'comlink'
import type { KeptAsset, LibraryApi } from '../src/shared/worker-apis'
import { registerErrorTransfer } from '../src/shared/error-transfer'
import { keepAsset, openAsset, sweepAssets } from './storage/assets'
import { openSavedClip, removeSavedClip, sweepClips, withRecords } from './storage/library'

registerErrorTransfer()

// files that a crash or a closed tab left without a record; the library works as well with them
const swept = sweepClips().catch((error: unknown) => console.warn('Could not sweep up unfinished clips:', error))

async function keep(file: File): Promise<KeptAsset> {
  const { id, name, file: kept } = await keepAsset(new AbortController().signal, file)
  return { id, name, bytes: kept.size }
}

const library: LibraryApi = {
  async list() {
    await swept
    return withRecords((records) => records.list())
  },
  open: openSavedClip,
  keepAsset: keep,
  async keepVideo(file) {
    const { videoSeconds } = await import('./media/look-into')
    const seconds = await videoSeconds(new AbortController().signal, file, file.name)
    return { ...(await keep(file)), seconds }
  },
  async keepFrame(clipId, which) {
    const clip = await openSavedClip(clipId)
    if (clip.type === 'image/png') return keep(new File([clip], 'still.png', { type: clip.type }))
    const { clipFrame } = await import('./media/look-into')
    const picture = await clipFrame(new AbortController().signal, clip, which)
    return keep(new File([picture], `${which}-frame.png`, { type: picture.type }))
  },
  openAsset: async (id) => (await openAsset(id)).file,
  sweepAssets,
  // what reads video files is loaded when one is given
  videoTag: async (file, name) => (await import('./media/read-tag')).readVideoTag(file, name),
  remove: removeSavedClip,
  async usage() {
    const { usage = 0, quota = 0 } = await navigator.storage.estimate()
    return { usedBytes: usage, quotaBytes: quota }
  },
}

expose(library)
