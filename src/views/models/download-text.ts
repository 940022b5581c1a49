import { errorSentence } from '../../components/error-sentence'
import type { ErrorSentence } from '../../components/error-sentence'
import { formatBytes, formatTimeLeft } from '../../components/quantities'
import type { DownloadStatus, StorageSpace } from '../../shared/worker-apis'
import type { ErrorData } from '../../shared/errors'
import type { CatalogueEntry } from '../../shared/model-catalogue'
import type { SetPart, SetProgress } from '../../state/model-set'

/**
 * Where a model stands, in words that are read out as they change; empty while nothing of it is here. Pure.
 * @param failed it stopped without being asked to, which is told elsewhere
 * @param fromDisk some of it is read from the user's own disk
 */
export function statusText({ status, note, parts }: Pick<SetProgress, 'status' | 'note'> & Partial<Pick<SetProgress, 'parts'>>, failed = false, fromDisk = false): string {
  switch (status) {
    case 'absent':
      return ''
    case 'paused':
      if (fromDisk && parts) return `Not complete: the ${missingRoles(parts)} ${missingRoles(parts).includes(' and ') ? 'are' : 'is'} yet to come.`
      return failed ? 'Stopped. What is here is kept.' : 'Paused. What is here is kept.'
    case 'complete':
      return fromDisk ? 'Complete. What lies on your disk was checked by its headers.' : 'Complete and checked.'
    case 'connecting':
      return 'Asking the server…'
    case 'downloading':
      return 'Downloading'
    case 'waiting':
      return note ?? 'Waiting for the server'
    case 'checking':
      return 'Comparing with its hashes'
  }
}

const ROLE_WORDS: Record<CatalogueEntry['role'], string> = { video: 'video model', 'text-encoder': 'text encoder', tokenizer: 'tokenizer', 'prompt-enhancer': 'prompt writer' }

function missingRoles(parts: readonly SetPart[]): string {
  return [...new Set(parts.filter(({ status }) => status !== 'complete').map(({ source }) => ROLE_WORDS[source.role]))].join(' and ')
}

/** What a download brings; a shared text encoder that is not here yet is most of a surprise. Pure. */
export function downloadText({ bytesMissing, parts }: Pick<SetProgress, 'bytesMissing' | 'parts'>): string {
  const encoder = parts.some(({ source, status }) => source.role === 'text-encoder' && status !== 'complete')
  return `${formatBytes(bytesMissing)}${encoder ? ' with text encoder' : ''}`
}

/** How much is here, how fast the rest comes and for how long: too lively to be read out. Pure. */
export function amountText({ bytesDone, bytesTotal, bytesPerSecond, secondsLeft, status }: SetProgress): string {
  const words = [`${formatBytes(bytesDone)} of ${formatBytes(bytesTotal)}`]
  if (bytesPerSecond !== null && status === 'downloading') words.push(`${formatBytes(bytesPerSecond)}/s`)
  if (secondsLeft !== null) words.push(formatTimeLeft(secondsLeft))
  return words.join(' · ')
}

/** What is here in tens of percent, for readers, who need not hear of every megabyte; empty while nothing moves. Pure. */
export function milestoneText({ bytesDone, bytesTotal, status }: SetProgress): string {
  if (status !== 'downloading' || bytesTotal === 0) return ''
  const tens = Math.floor((10 * bytesDone) / bytesTotal) * 10
  return tens > 0 ? `${tens} %` : ''
}

const PART_WORDS: Record<DownloadStatus, string> = {
  absent: 'to come',
  paused: 'in part',
  complete: 'here',
  connecting: 'connecting',
  downloading: 'coming',
  waiting: 'waiting',
  checking: 'checking',
}

/** Where one file of a set stands. Pure. */
export function partText({ status, bytesDone, bytesTotal }: SetPart): string {
  const amount = status === 'absent' || status === 'complete' ? formatBytes(bytesTotal) : `${formatBytes(bytesDone)} of ${formatBytes(bytesTotal)}`
  return `${amount}, ${PART_WORDS[status]}`
}

/** Chrome never tells a page of more room than this, however much there is, so that disks cannot be told apart by it. */
const MOST_TOLD_BYTES = 10 * 2 ** 30
const mayBeMore = ({ freeBytes }: StorageSpace) => freeBytes >= MOST_TOLD_BYTES

/** What this site's storage holds and has left. Pure. */
export function spaceText(space: StorageSpace): string {
  return `${formatBytes(space.usedBytes)} used by Kinora, ${mayBeMore(space) ? 'at least ' : ''}${formatBytes(space.freeBytes)} free for it`
}

/** Says before the first byte that there is no room; null when there is, or when that is not known. Pure. */
export function freeSpaceText(bytesMissing: number, space: StorageSpace | null): string | null {
  if (!space || bytesMissing <= space.freeBytes || mayBeMore(space)) return null
  const short = bytesMissing - space.freeBytes
  return `${formatBytes(bytesMissing)} are to come, and this browser has ${formatBytes(space.freeBytes)} left for Kinora: ${formatBytes(short)} are missing. Delete clips or other models, or free space on the disk.`
}

const TITLES: Record<string, string> = {
  unreachable: 'The server cannot be reached.',
  cut: 'The connection broke.',
  login: 'The server wants a login.',
  forbidden: 'The server refuses this file.',
  'not-found': 'The file is not on the server.',
  damaged: 'What is on this disk is damaged.',
  changed: 'The file on the server has changed.',
  busy: 'The server asks to slow down.',
  server: 'The server has trouble.',
  'web-page': 'The server sent a web page.',
  'no-length': 'The server does not say how long the file is.',
  'no-range': 'The server stopped sending parts.',
  'wrong-range': 'The server sent another part than was asked for.',
  status: 'The server does not give the file.',
}

/** The page's wording of why a download or a check stopped; the facts are the worker's own sentence. Pure. */
export function downloadSentence(error: ErrorData): ErrorSentence {
  const title = TITLES[String(error.details.reason)]
  if (title && (error.code === 'weights-missing' || error.code === 'weights-corrupt')) return { title, advice: error.message }
  if (error.code === 'storage-full') return { title: 'There is not enough room.', advice: error.message }
  return errorSentence(error)
}
