// Free storage for downloads, measured before the first byte is fetched.
import { AppError } from '../../src/shared/errors'
import type { StorageSpace } from '../../src/shared/worker-apis'
import { isDomException, openSyncHandle } from './opfs'

/** The browser's own estimate of this site's storage. Not reliable: Chromium always reports 10 GiB more than is used. */
export async function storageSpace(): Promise<StorageSpace> {
  const { usage = 0, quota = 0 } = await navigator.storage.estimate()
  return { usedBytes: usage, quotaBytes: quota, freeBytes: Math.max(0, quota - usage) }
}

/** Bytes by which the measured free space may be too small. */
const PRECISION = 2 ** 16
/** Name of the scratch file, always the same: the next measurement reuses one that a crash left. */
const SCRATCH = 'room'

/**
 * How many bytes this site can still write, up to `wantedBytes`. Measured by growing an empty file, which is deleted afterwards:
 * nothing is written to the disk, but the browser counts a file's length against its quota.
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

/** Whether a file may have this length; in private windows a refusal shows only in the resulting length. */
function canGrow(file: FileSystemSyncAccessHandle, bytes: number): boolean {
  try {
    file.truncate(0)
    file.truncate(bytes)
    return file.getSize() === bytes
  } catch (error) {
    if (isDomException(error, 'QuotaExceededError')) return false
    throw error
  }
}

/** The largest integer up to `wanted` that fits, or one at most `precision` below it; 0 if none fits. Pure. */
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
 * Rejects a download that does not fit.
 * @param name of the download, for the message
 * @param neededBytes still to be downloaded
 * @param freeBytes from measureFreeSpace
 * @throws AppError storage-full, with the missing bytes
 */
export function requireFreeSpace(name: string, neededBytes: number, freeBytes: number): void {
  const missingBytes = neededBytes - freeBytes
  if (missingBytes <= 0) return
  throw new AppError(
    'storage-full',
    `${name} needs ${formatBytes(neededBytes)} more, and the browser has ${formatBytes(freeBytes)} left for this site: ${formatBytes(missingBytes)} are missing. Delete clips or other models, or free space on the disk.`,
    { neededBytes, freeBytes, missingBytes },
  )
}

/** Bytes with a unit: 6.3 GB, 12 MB. Rounded up, so that the missing space is never understated. */
function formatBytes(bytes: number): string {
  if (bytes >= 1e9) return `${Math.ceil(bytes / 1e8) / 10} GB`
  if (bytes >= 1e6) return `${Math.ceil(bytes / 1e6)} MB`
  return `${bytes} bytes`
}
