import { errorMessage } from '../../components/error-message'
import type { ErrorMessage } from '../../components/error-message'
import { formatBytes, formatTimeLeft } from '../../components/quantities'
import type { DownloadStatus, StorageSpace } from '../../shared/worker-apis'
import type { ErrorData } from '../../shared/errors'
import { handleOf, localBytes, placeName } from '../../shared/local-files'
import type { LocalFilesState } from '../../shared/local-files'
import type { CatalogueEntry } from '../../shared/model-catalogue'
import type { SetPart, SetProgress } from '../../state/model-set'

/**
 * Status of a model, announced by screen readers as it changes; empty if nothing is downloaded. Pure.
 * @param failed whether the download stopped because of an error, which is shown elsewhere
 * @param hasLocalFiles whether some files are read from the user's disk
 */
export function statusText(
  { status, note, parts }: Pick<SetProgress, 'status' | 'note'> & Partial<Pick<SetProgress, 'parts'>>,
  failed = false,
  hasLocalFiles = false,
): string {
  switch (status) {
    case 'absent':
      return ''
    case 'paused':
      if (hasLocalFiles && parts) return `Incomplete: download the ${missingRoles(parts)}.`
      return failed ? 'Stopped. Progress is saved.' : 'Paused. Progress is saved.'
    case 'complete':
      return hasLocalFiles ? 'Ready. The headers of local files were verified.' : 'Ready. All files were verified.'
    case 'connecting':
      return 'Connecting…'
    case 'downloading':
      return 'Downloading'
    case 'waiting':
      return note ?? 'Waiting for the server'
    case 'checking':
      return 'Verifying'
  }
}

const ROLE_NAMES: Record<CatalogueEntry['role'], string> = {
  video: 'video model',
  'text-encoder': 'text encoder',
  tokenizer: 'tokenizer',
  'prompt-enhancer': 'prompt enhancer',
}

function missingRoles(parts: readonly SetPart[]): string {
  return [...new Set(parts.filter(({ status }) => status !== 'complete').map(({ source }) => ROLE_NAMES[source.role]))].join(' and ')
}

/** Size of a download, with a note if it includes the shared text encoder. Pure. */
export function downloadText({ bytesMissing, parts }: Pick<SetProgress, 'bytesMissing' | 'parts'>): string {
  const encoder = parts.some(({ source, status }) => source.role === 'text-encoder' && status !== 'complete')
  return `${formatBytes(bytesMissing)}${encoder ? ' including text encoder' : ''}`
}

/** Progress, speed and time left of a download. Hidden from status announcements, because it changes constantly. Pure. */
export function amountText({ bytesDone, bytesTotal, bytesPerSecond, secondsLeft, status }: SetProgress): string {
  const facts = [`${formatBytes(bytesDone)} of ${formatBytes(bytesTotal)}`]
  if (bytesPerSecond !== null && status === 'downloading') facts.push(`${formatBytes(bytesPerSecond)}/s`)
  if (secondsLeft !== null) facts.push(formatTimeLeft(secondsLeft))
  return facts.join(' · ')
}

/** Progress in steps of 10 % for screen readers; empty unless downloading. Pure. */
export function milestoneText({ bytesDone, bytesTotal, status }: SetProgress): string {
  if (status !== 'downloading' || bytesTotal === 0) return ''
  const tens = Math.floor((10 * bytesDone) / bytesTotal) * 10
  return tens > 0 ? `${tens} %` : ''
}

const PART_STATUS: Record<DownloadStatus, string> = {
  absent: 'pending',
  paused: 'paused',
  complete: 'done',
  connecting: 'connecting',
  downloading: 'downloading',
  waiting: 'waiting',
  checking: 'verifying',
}

/** Size and status of one file. Pure. */
export function partText({ status, bytesDone, bytesTotal }: SetPart): string {
  const amount = status === 'absent' || status === 'complete' ? formatBytes(bytesTotal) : `${formatBytes(bytesDone)} of ${formatBytes(bytesTotal)}`
  return `${amount}, ${PART_STATUS[status]}`
}

/** Chrome never reports more free space than this, to prevent fingerprinting. */
const MAX_REPORTED_BYTES = 10 * 2 ** 30
const mayBeMore = ({ freeBytes }: StorageSpace) => freeBytes >= MAX_REPORTED_BYTES

/** Used and free storage of the site. Pure. */
export function spaceText(space: StorageSpace): string {
  return `${formatBytes(space.usedBytes)} used, ${mayBeMore(space) ? 'at least ' : ''}${formatBytes(space.freeBytes)} free`
}

/** Why there is not enough storage for a download; null if there is enough or it is unknown. Pure. */
export function freeSpaceText(bytesMissing: number, space: StorageSpace | null): string | null {
  if (!space || bytesMissing <= space.freeBytes || mayBeMore(space)) return null
  const short = bytesMissing - space.freeBytes
  return `The download needs ${formatBytes(bytesMissing)}, but only ${formatBytes(space.freeBytes)} is free. Free up at least ${formatBytes(short)}: delete clips or other models, or make room on the disk.`
}

const TITLES: Record<string, string> = {
  unreachable: 'The server is unreachable.',
  cut: 'The connection was interrupted.',
  login: 'The server requires a login.',
  forbidden: 'The server denied access to this file.',
  'not-found': 'The file was not found on the server.',
  damaged: 'The downloaded file is corrupted.',
  changed: 'The file on the server has changed.',
  busy: 'The server is limiting requests.',
  server: 'The server reported an error.',
  'web-page': 'The server sent a web page instead of the file.',
  'no-length': 'The server does not report the file size.',
  'no-range': 'The server no longer supports partial downloads.',
  'wrong-range': 'The server sent the wrong part of the file.',
  status: 'The server did not send the file.',
}

/** Why a download or a verification stopped; the facts are in the worker's message. Pure. */
export function downloadErrorMessage(error: ErrorData): ErrorMessage {
  const title = TITLES[String(error.details.reason)]
  if (title && (error.code === 'weights-missing' || error.code === 'weights-corrupt')) return { title, advice: error.message }
  if (error.code === 'storage-full') return { title: 'Not enough storage.', advice: error.message }
  return errorMessage(error)
}

/** The local files of a model, and whether the browser can still read them. Pure. */
export function localFilesText({ localFiles, status }: LocalFilesState): string {
  const files = `${placeName(localFiles.place)}, ${formatBytes(localBytes(localFiles))}, read from your disk.`
  if (status === 'ask') return `${files} The browser needs your permission to read it again.`
  return handleOf(localFiles.place) ? files : `${files} This browser grants access for this visit only. After a reload, choose it again.`
}

/** Why a local file was rejected; the facts are in the worker's message. Pure. */
export function rejectionTitle({ code }: ErrorData): string {
  switch (code) {
    case 'weights-corrupt':
      return 'This file is not the model.'
    case 'weights-missing':
      return 'The file cannot be read.'
    default:
      return 'The file could not be checked.'
  }
}
