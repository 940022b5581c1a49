// Whether what is to be fetched has room, found out before its first byte.
import { AppError } from '../../src/shared/errors'
import type { StorageSpace } from '../../src/shared/worker-apis'
import { isNamed, openSyncHandle } from './sync-handle'

/** What the browser says of this site's storage. Not to be built on: Chromium says “10 GiB are left” whatever there is. */
export async function storageSpace(): Promise<StorageSpace> {
  const { usage = 0, quota = 0 } = await navigator.storage.estimate()
  return { usedBytes: usage, quotaBytes: quota, freeBytes: Math.max(0, quota - usage) }
}

/** How exactly room is measured where there is too little, bytes. */
const PRECISION = 2 ** 16
/** Always the same name, so that one that a crash left is found and emptied by the next. */
const SCRATCH = 'room'

/**
 * How many bytes this site can still write, up to `wantedBytes`: tried, with an empty file that is made so long and then
 * removed. Nothing is written to the disk by that, but the browser counts a file's length against its quota.
 */
export async function measureFreeSpace(wantedBytes: number): Promise<number> {
  const root = await navigator.storage.getDirectory()
  const scratch = await openSyncHandle(root, SCRATCH)
  try {
    return largestFit(wantedBytes, (bytes) => canGrow(scratch, bytes), PRECISION)
  } finally {
    scratch.truncate(0)
    scratch.close()
    await root.removeEntry(SCRATCH)
  }
}

/** Whether a file may be so long; in private windows a refusal is only seen from the length that it has then. */
function canGrow(file: FileSystemSyncAccessHandle, bytes: number): boolean {
  try {
    file.truncate(0)
    file.truncate(bytes)
    return file.getSize() === bytes
  } catch (error) {
    if (isNamed(error, 'QuotaExceededError')) return false
    throw error
  }
}

/** The largest whole number up to `wanted` that fits, or one at most `precision` below it; 0 where none does. */
export function largestFit(wanted: number, fits: (bytes: number) => boolean, precision: number): number {
  if (fits(wanted)) return wanted
  let [low, high] = [0, wanted] // low fits, high does not
  while (high - low > precision) {
    const middle = Math.floor((low + high) / 2)
    if (fits(middle)) low = middle
    else high = middle
  }
  return low
}

/**
 * Refuses a download that does not fit, naming the bytes that are missing.
 * @param name of what is to be downloaded, for the sentence
 * @param neededBytes that are yet to come
 * @param freeBytes as measureFreeSpace found
 * @throws AppError storage-full
 */
export function requireMemory(name: string, neededBytes: number, freeBytes: number): void {
  const missingBytes = neededBytes - freeBytes
  if (missingBytes <= 0) return
  throw new AppError(
    'storage-full',
    `${name} needs ${inWords(neededBytes)} more, and the browser has ${inWords(freeBytes)} left for this site: ${inWords(missingBytes)} are missing. Delete clips or other models, or free space on the disk.`,
    { neededBytes, freeBytes, missingBytes },
  )
}

/** Bytes as people read them: 6.3 GB, 12 MB. Rounded up: what is missing is never said to be less than it is. */
function inWords(bytes: number): string {
  if (bytes >= 1e9) return `${Math.ceil(bytes / 1e8) / 10} GB`
  if (bytes >= 1e6) return `${Math.ceil(bytes / 1e6)} MB`
  return `${bytes} bytes`
}
