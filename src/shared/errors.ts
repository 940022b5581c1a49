// The error type of worker APIs. The worker states the facts (expected, got), the page adds a title and advice.

/** Every way a job, a model or the library can fail. The page has a title for each. */
export type ErrorCode =
  | 'no-webgpu' // this browser has no navigator.gpu
  | 'no-adapter' // WebGPU is available, but there is no adapter
  | 'device-lost' // the GPU device was lost during a job
  | 'out-of-memory'
  | 'bad-request' // a request field is outside what the model allows
  | 'weights-missing' // a weight file is missing
  | 'weights-truncated' // a weight file has the wrong length
  | 'weights-corrupt' // a weight file has the wrong hash or content
  | 'unreadable-media' // an image or video that cannot be decoded
  | 'no-encoder' // no VP9, AV1 or VP8 encoder
  | 'storage-full'
  | 'not-found' // a record or file does not exist
  | 'cancelled'
  | 'internal'

/** Facts for a code: names, expected and found values. Plain data only. */
export type ErrorDetails = Record<string, string | number | boolean | null>

/** Most characters of a name or a value from a file that a message shows. */
const LONGEST_VALUE = 200
/** Most characters of a message. */
const LONGEST_MESSAGE = 1000

/** A text of at most `most` characters: of a longer one its beginning and its end. Pure. */
export function cutText(text: string, most = LONGEST_VALUE): string {
  if (text.length <= most) return text
  const end = Math.floor(most / 4)
  return `${text.slice(0, most - end - 3)} … ${text.slice(text.length - end)}`
}

/** An error with a code and facts. `message` is a sentence: what was expected, what was found and what to do. */
export class AppError extends Error {
  override readonly name = 'AppError'
  readonly details: ErrorDetails
  constructor(
    readonly code: ErrorCode,
    message: string,
    details: ErrorDetails = {},
  ) {
    // names and values come from files and may be of any length
    super(cutText(message, LONGEST_MESSAGE))
    this.details = Object.fromEntries(Object.entries(details).map(([key, value]) => [key, typeof value === 'string' ? cutText(value) : value]))
  }
}

/** An AppError as plain data, for postMessage and stored records. */
export interface ErrorData {
  code: ErrorCode
  message: string
  details: ErrorDetails
}

/** Converts anything thrown to plain data; unknown errors become `internal`. */
export function toErrorData(thrown: unknown): ErrorData {
  if (thrown instanceof AppError) return { code: thrown.code, message: thrown.message, details: thrown.details }
  if (thrown instanceof DOMException && thrown.name === 'AbortError') {
    return { code: 'cancelled', message: 'The job was cancelled.', details: {} }
  }
  if (thrown instanceof DOMException && thrown.name === 'QuotaExceededError') {
    return { code: 'storage-full', message: 'The browser has no storage left for this site.', details: {} }
  }
  return { code: 'internal', message: cutText(thrown instanceof Error ? thrown.message : String(thrown), LONGEST_MESSAGE), details: {} }
}
