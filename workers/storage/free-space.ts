// Whether what is to be fetched has room, asked before its first byte.
import { AppError } from '../../src/shared/errors'
import type { StorageSpace } from '../../src/shared/doors'

/** What the browser says of this site's storage. */
export async function storageSpace(): Promise<StorageSpace> {
  const { usage = 0, quota = 0 } = await navigator.storage.estimate()
  return { usedBytes: usage, quotaBytes: quota, freeBytes: Math.max(0, quota - usage) }
}

/**
 * Refuses a download that does not fit, naming the bytes that are missing.
 * @param name of what is to be downloaded, for the sentence
 * @param neededBytes that are yet to come
 * @throws AppError storage-full
 */
export function requireSpace(name: string, neededBytes: number, { freeBytes, quotaBytes }: StorageSpace): void {
  const missingBytes = neededBytes - freeBytes
  if (missingBytes <= 0) return
  throw new AppError(
    'storage-full',
    `${name} needs ${inWords(neededBytes)} more, and the browser has ${inWords(freeBytes)} left for this site: ${inWords(missingBytes)} are missing. Delete clips or other models, or free space on the disk.`,
    { neededBytes, freeBytes, missingBytes, quotaBytes },
  )
}

/** Bytes as people read them: 6.3 GB, 12 MB. Rounded up: what is missing is never said to be less than it is. */
function inWords(bytes: number): string {
  if (bytes >= 1e9) return `${Math.ceil(bytes / 1e8) / 10} GB`
  if (bytes >= 1e6) return `${Math.ceil(bytes / 1e6)} MB`
  return `${bytes} bytes`
}
