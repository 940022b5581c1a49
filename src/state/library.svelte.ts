import { listClips, openClip, removeClip, storageUsage } from '../rpc/library'
import { toErrorData } from '../shared/errors'
import type { ErrorData } from '../shared/errors'
import type { ClipRecord } from '../shared/record'

/** The clips stored in this browser. */
class Library {
  /** newest first */
  clips = $state.raw<ClipRecord[]>([])
  status = $state<'unread' | 'reading' | 'ready' | 'failed'>('unread')
  error = $state.raw<ErrorData | null>(null)
  usage = $state.raw<{ usedBytes: number; quotaBytes: number } | null>(null)

  async load(): Promise<void> {
    if (this.status !== 'ready') this.status = 'reading'
    try {
      ;[this.clips, this.usage] = await Promise.all([listClips(), storageUsage()])
      this.status = 'ready'
    } catch (error) {
      this.error = toErrorData(error)
      this.status = 'failed'
    }
  }

  /** The file of a clip: WebM, or PNG for one frame. @throws AppError not-found */
  open(id: string): Promise<Blob> {
    return openClip(id)
  }

  /** Deletes a clip permanently. @throws AppError if it cannot be deleted */
  async remove(id: string): Promise<void> {
    await removeClip(id)
    this.clips = this.clips.filter((clip) => clip.id !== id)
    this.usage = await storageUsage()
  }
}

export const library = new Library()
