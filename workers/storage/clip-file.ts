// A clip file being written: to OPFS, or to memory once the browser has no storage left.
import { toErrorData, type ErrorData } from '../../src/shared/errors'
import { clipType, lockClip, openClipsFolder, removeClip } from './clips'
import { writeAll } from './opfs'

/** A clip whose file is complete. */
export interface WrittenClip {
  /** name under clips/, or null when the clip lives in memory only */
  file: string | null
  /** the whole clip, with the content type of its name; backed by `file` if there is one */
  blob: Blob
  /** why it is in memory only */
  saveError?: ErrorData
}

/** A clip file open for writing. */
export interface ClipFile {
  readonly name: string
  /** bytes at a position; does not throw when storage is full: the clip then continues in memory */
  write(bytes: Uint8Array, position: number): void
  /** bytes held in memory: 0 while the clip goes to OPFS */
  readonly memoryBytes: number
  finish(): Promise<WrittenClip>
  /** closes and removes it */
  abort(): Promise<void>
}

/**
 * Opens `clips/<name>` for writing and locks it until unlockClip(name), so that it is not swept as garbage.
 * If OPFS is not available (a private window, no free space), the clip is written to memory from the start.
 */
export async function openClipFile(name: string): Promise<ClipFile> {
  await lockClip(name)
  try {
    const folder = await openClipsFolder()
    const entry = await folder.getFileHandle(name, { create: true })
    return new SpillingFile(name, entry, await entry.createSyncAccessHandle())
  } catch (error) {
    return new SpillingFile(name, null, null, toErrorData(error))
  }
}

class SpillingFile implements ClipFile {
  private memory: GrowingBytes | null

  constructor(
    readonly name: string,
    private readonly entry: FileSystemFileHandle | null,
    private disk: FileSystemSyncAccessHandle | null,
    private saveError?: ErrorData,
  ) {
    this.memory = disk ? null : new GrowingBytes(1 << 16)
  }

  get memoryBytes(): number {
    return this.memory?.capacity ?? 0
  }

  write(bytes: Uint8Array, position: number): void {
    if (this.disk) {
      try {
        writeAll(this.disk, bytes as Uint8Array<ArrayBuffer>, position)
        return
      } catch (error) {
        this.spill(this.disk, error)
      }
    }
    this.memory?.write(bytes, position)
  }

  async finish(): Promise<WrittenClip> {
    try {
      this.disk?.flush()
    } catch (error) {
      if (this.disk) this.spill(this.disk, error)
    }
    if (!this.memory && this.disk && this.entry) {
      this.disk.close()
      this.disk = null
      const file = await this.entry.getFile()
      return { file: this.name, blob: file.slice(0, file.size, clipType(this.name)) }
    }
    await this.removeFile()
    const blob = new Blob(this.memory ? [this.memory.bytes()] : [], { type: clipType(this.name) })
    this.memory = null
    return { file: null, blob, saveError: this.saveError }
  }

  async abort(): Promise<void> {
    this.disk?.close()
    this.disk = null
    this.memory = null
    await this.removeFile()
  }

  /** Copies the file's bytes to memory and frees its space on the disk. */
  private spill(disk: FileSystemSyncAccessHandle, cause: unknown): void {
    this.saveError = toErrorData(cause)
    const size = disk.getSize()
    this.memory = new GrowingBytes(Math.max(1 << 16, size * 2))
    const soFar = new Uint8Array(size)
    disk.read(soFar, { at: 0 })
    this.memory.write(soFar, 0)
    this.disk = null
    try {
      disk.truncate(0)
    } catch {
      // the file is deleted at the end anyway
    }
    disk.close()
  }

  private async removeFile(): Promise<void> {
    if (this.entry) await removeClip(this.name)
  }
}

/** A byte array that doubles its capacity when it is full. */
class GrowingBytes {
  private buffer: Uint8Array<ArrayBuffer>
  private length = 0

  constructor(capacity: number) {
    this.buffer = new Uint8Array(capacity)
  }

  get capacity(): number {
    return this.buffer.length
  }

  write(bytes: Uint8Array, position: number): void {
    const end = position + bytes.length
    if (end > this.buffer.length) {
      const larger = new Uint8Array(Math.max(end, this.buffer.length * 2))
      larger.set(this.buffer.subarray(0, this.length))
      this.buffer = larger
    }
    this.buffer.set(bytes, position)
    this.length = Math.max(this.length, end)
  }

  /** a view of the bytes written */
  bytes(): Uint8Array<ArrayBuffer> {
    return this.buffer.subarray(0, this.length)
  }
}
