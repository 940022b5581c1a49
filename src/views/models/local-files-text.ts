import { formatBytes } from '../../components/quantities'
import { handleOf, localBytes, placeName } from '../../shared/local-files'
import type { LocalFilesState } from '../../shared/local-files'
import type { ErrorData } from '../../shared/errors'

/** What is read from the disk, and for how long it is known. Pure. */
export function localFilesText({ localFiles, status }: LocalFilesState): string {
  const what = `${placeName(localFiles.place)}, ${formatBytes(localBytes(localFiles))}, read where it lies.`
  if (status === 'ask') return `${what} The browser wants to be asked before this page may read it again.`
  return handleOf(localFiles.place) ? what : `${what} This browser lets a page read it for this visit only: after a reload it is chosen again.`
}

/** Title of why something on the disk is not used; the facts are the worker's own sentence. Pure. */
export function refusalTitle({ code }: ErrorData): string {
  switch (code) {
    case 'weights-corrupt':
      return 'This is not the model.'
    case 'weights-missing':
      return 'It cannot be read from the disk.'
    default:
      return 'It could not be looked at.'
  }
}
