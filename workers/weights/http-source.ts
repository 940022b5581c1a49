// A file on a server, read in parts with HTTP Range requests (RFC 9110, section 14).
import { AppError, type ErrorDetails } from '../../src/shared/errors'
import type { ByteSource } from './byte-source'

/** The identity of a file on a server: taken from the first response, compared with every later one. */
export interface FileIdentity {
  /** length of the whole file */
  readonly bytes: number
  /** the version's ETag; null if the server sends none, or hides it from other origins */
  readonly etag: string | null
}

/** A file on a server. */
export interface HttpSource extends ByteSource, FileIdentity {
  /** false: the server sends whole files only, so an interrupted transfer starts again from the beginning */
  readonly resumable: boolean
}

export interface HttpSourceOptions {
  /** identity found on an earlier visit; another one is rejected */
  expected?: FileIdentity
  /** called before a request is retried, with the reason and the delay in seconds */
  onRetry?: (reason: string, seconds: number) => void
  /** called with the number of requested bytes as they arrive */
  onBytes?: (count: number) => void
  /** seconds before each retry; their number is the number of retries */
  delays?: readonly number[]
}

const DELAYS = [0.5, 1, 2, 4, 8]
/** Seconds: the longest Retry-After that is followed. */
const MAX_RETRY_AFTER = 60

/** A temporary failure: the request can be retried. `pause`: seconds that the server asks to wait. */
class TemporaryFailure extends Error {
  constructor(
    readonly failure: AppError,
    readonly pause = 0,
  ) {
    super(failure.message)
  }
}

/**
 * Requests the file's first byte, to find its length and whether the server sends parts.
 * @throws AppError weights-missing with `details.reason`; weights-corrupt when its identity differs from `expected`
 */
export async function openHttpSource(signal: AbortSignal, url: string, name: string, options: HttpSourceOptions = {}): Promise<HttpSource> {
  const fail = failures(name, url)
  const probe = await withRetries(signal, options, async () => {
    const response = await request(signal, url, 0, 1, fail)
    await response.body?.cancel()
    return response
  })
  const resumable = probe.status === 206
  const stated = resumable ? contentRange(probe, 0, 1, fail).total : Number(probe.headers.get('content-length') ?? NaN)
  const bytes = Number.isSafeInteger(stated) ? stated : options.expected?.bytes
  if (bytes === undefined) throw fail('no-length', 'the server does not send its length; choose another mirror')
  const identity: FileIdentity = { bytes, etag: probe.headers.get('etag') }
  if (options.expected) checkSame(options.expected, identity, fail)

  const whole = resumable ? undefined : new WholeFile(url, identity, fail)
  return {
    name,
    ...identity,
    resumable,
    async read(signal, start, end) {
      if (start < 0 || end > bytes || start > end) throw new RangeError(`${name}: bytes ${start} to ${end} of ${bytes}`)
      const target = new Uint8Array(end - start)
      let filled = 0 // bytes received before the connection broke are kept
      while (filled < target.length) {
        filled += await withRetries(signal, options, async () => {
          const fill = whole ? await whole.seek(signal, start + filled) : await openPart(signal, url, start + filled, end, identity, fail)
          const received = await fill(target.subarray(filled), options.onBytes)
          if (received === 0) throw new TemporaryFailure(fail('cut', `the connection was lost at byte ${start + filled} of ${bytes}`))
          return received
        })
      }
      return target
    },
  }
}

/** Fills a buffer from a body. @returns the bytes received until the buffer was full, the body ended or the connection broke */
type Fill = (target: Uint8Array, onBytes?: (count: number) => void) => Promise<number>

async function openPart(signal: AbortSignal, url: string, start: number, end: number, identity: FileIdentity, fail: Fail): Promise<Fill> {
  const response = await request(signal, url, start, end, fail)
  if (response.status !== 206) {
    await response.body?.cancel()
    throw fail('no-range', 'the server no longer sends parts of files; try again later')
  }
  const { total } = contentRange(response, start, end, fail)
  checkSame(identity, { bytes: total, etag: response.headers.get('etag') }, fail)
  const reader = response.body?.getReader()
  return async (target, onBytes) => {
    let received = 0
    while (reader && received < target.length) {
      const chunk = await nextChunk(signal, reader)
      if (!chunk) break
      const count = Math.min(chunk.length, target.length - received)
      target.set(chunk.subarray(0, count), received)
      received += count
      onBytes?.(count)
    }
    if (received === target.length) await reader?.cancel() // in case the server sends more than was requested
    return received
  }
}

/** The next bytes of a body; undefined at its end, or if the connection breaks. */
async function nextChunk(signal: AbortSignal, reader: ReadableStreamDefaultReader<Uint8Array>): Promise<Uint8Array | undefined> {
  try {
    const { done, value } = await reader.read()
    return done ? undefined : value
  } catch (error) {
    if (signal.aborted) throw error
    return undefined
  }
}

/** A file of a server that sends whole files only: one body, read forwards; reading backwards requests it again. */
class WholeFile {
  private reader: ReadableStreamDefaultReader<Uint8Array> | undefined
  private at = 0
  /** received bytes that were not requested yet */
  private rest = new Uint8Array(0)

  constructor(
    private readonly url: string,
    private readonly identity: FileIdentity,
    private readonly fail: Fail,
  ) {}

  async seek(signal: AbortSignal, start: number): Promise<Fill> {
    if (!this.reader || start < this.at) {
      await this.reader?.cancel()
      const response = await request(signal, this.url, 0, undefined, this.fail)
      checkSame(this.identity, { bytes: this.identity.bytes, etag: response.headers.get('etag') }, this.fail)
      this.reader = response.body?.getReader()
      this.at = 0
      this.rest = new Uint8Array(0)
    }
    while (this.at < start) {
      if (this.rest.length === 0 && !(await this.advance(signal))) return () => Promise.resolve(0)
      this.drop(Math.min(this.rest.length, start - this.at))
    }
    return async (target, onBytes) => {
      let received = 0
      while (received < target.length && (this.rest.length > 0 || (await this.advance(signal)))) {
        const count = Math.min(this.rest.length, target.length - received)
        target.set(this.rest.subarray(0, count), received)
        this.drop(count)
        received += count
        onBytes?.(count)
      }
      return received
    }
  }

  /** Reads more; false at the end, or if the connection broke: then the next seek requests the file again. */
  private async advance(signal: AbortSignal): Promise<boolean> {
    const chunk = this.reader && (await nextChunk(signal, this.reader))
    if (chunk) this.rest = new Uint8Array(chunk)
    else this.reader = undefined
    return chunk !== undefined
  }

  private drop(count: number): void {
    this.rest = this.rest.subarray(count)
    this.at += count
  }
}

type Fail = (reason: string, found: string, details?: ErrorDetails) => AppError

function failures(file: string, url: string): Fail {
  return (reason, found, details = {}) => new AppError('weights-missing', `${file} could not be fetched: ${found}.`, { file, url, reason, ...details })
}

/** A request for a byte range, or for the whole file if `end` is undefined. Each kind of failure has its own reason and message. */
async function request(signal: AbortSignal, url: string, start: number, end: number | undefined, fail: Fail): Promise<Response> {
  let response: Response
  try {
    response = await fetch(url, { signal, cache: 'no-store', ...(end !== undefined && { headers: { Range: `bytes=${start}-${end - 1}` } }) })
  } catch (error) {
    if (signal.aborted) throw error
    // the browser does not report which of the two it was
    throw new TemporaryFailure(fail('unreachable', 'no answer: the server is not reachable, or does not allow other sites to read its files (CORS)'))
  }
  if (response.ok) {
    const type = response.headers.get('content-type') ?? ''
    if (!type.startsWith('text/html')) return response
    await response.body?.cancel()
    throw fail('web-page', 'expected the file, got a web page; check the address of the mirror')
  }
  await response.body?.cancel()
  const { status } = response
  const pause = Math.min(Number(response.headers.get('retry-after') ?? 0) || 0, MAX_RETRY_AFTER)
  if (status === 401) throw fail('login', 'the server requires a login (status 401); choose a public model or mirror', { status })
  if (status === 403) throw fail('forbidden', 'the server denies access (status 403); its license may have to be accepted there first', { status })
  if (status === 404 || status === 410) throw fail('not-found', `it does not exist there (status ${status}); check the address of the mirror`, { status })
  if (status === 416) throw fail('changed', 'the server now has a shorter file (status 416); delete the download and start again', { status })
  if (status === 429) throw new TemporaryFailure(fail('busy', 'the server limits the rate of requests (status 429); try again later', { status }), pause)
  if (status >= 500 || status === 408) throw new TemporaryFailure(fail('server', `the server failed (status ${status}); try again later`, { status }), pause)
  throw fail('status', `expected status 200 or 206, got ${status}`, { status })
}

/** The total length from Content-Range, whose range must be the requested one. */
function contentRange(response: Response, start: number, end: number, fail: Fail): { total: number } {
  const text = response.headers.get('content-range')
  const [, first, last, total] = /^bytes (\d+)-(\d+)\/(\d+)$/.exec(text ?? '')?.map(Number) ?? []
  if (first !== start || last !== Math.min(end, total ?? 0) - 1 || total === undefined) {
    const requested = `bytes ${start}-${end - 1}`
    throw fail('wrong-range', `expected ${requested}, the server sent ${text === null ? 'a part without Content-Range' : `“${text}”`}`, {
      expected: requested,
      found: text,
    })
  }
  return { total }
}

function checkSame(expected: FileIdentity, found: FileIdentity, fail: Fail): void {
  const describe = ({ bytes, etag }: FileIdentity) => `${bytes} bytes${etag === null ? '' : `, version ${etag}`}`
  const differs = expected.bytes !== found.bytes || (expected.etag !== null && found.etag !== null && expected.etag !== found.etag)
  if (differs) {
    const { details } = fail('changed', '')
    throw new AppError(
      'weights-corrupt',
      `${String(details['file'])} has changed on the server: expected ${describe(expected)}, got ${describe(found)}; delete the download and start again.`,
      {
        ...details,
        expected: describe(expected),
        found: describe(found),
      },
    )
  }
}

/** Retries temporary failures, after each of the delays. */
async function withRetries<T>(signal: AbortSignal, { delays = DELAYS, onRetry }: HttpSourceOptions, attempt: () => Promise<T>): Promise<T> {
  for (const [index] of [...delays, undefined].entries()) {
    try {
      return await attempt()
    } catch (error) {
      if (!(error instanceof TemporaryFailure)) throw error
      const delay = delays[index]
      if (delay === undefined) throw error.failure
      const seconds = Math.max(delay, error.pause)
      onRetry?.(error.failure.message, seconds)
      await pause(signal, seconds)
    }
  }
  throw new Error('unreachable: the last attempt returns or throws')
}

function pause(signal: AbortSignal, seconds: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer)
      reject(signal.reason as Error)
    }
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', stop)
      resolve()
    }, seconds * 1000)
    if (signal.aborted) stop()
    else signal.addEventListener('abort', stop, { once: true })
  })
}
