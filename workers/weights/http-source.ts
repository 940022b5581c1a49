// A file on a server, read piece by piece with HTTP Range requests (RFC 9110, section 14).
import { AppError, type ErrorDetails } from '../../src/shared/errors'
import type { ByteSource } from './byte-source'

/** What makes a file the same one as before: kept from the first answer, compared with every later one. */
export interface FileIdentity {
  /** length of the whole file */
  readonly bytes: number
  /** the server's name for this version; null where it gives none or does not show it to pages of other origins */
  readonly etag: string | null
}

/** A file on a server. */
export interface HttpSource extends ByteSource, FileIdentity {
  /** false: the server sends whole files only, so that whatever breaks off begins anew */
  readonly resumable: boolean
}

export interface HttpSourceOptions {
  /** what an earlier visit found; anything else is refused */
  expected?: FileIdentity
  /** hears why a request is tried again, and after how many seconds */
  onRetry?: (reason: string, seconds: number) => void
  /** hears of bytes that were asked for, as they come */
  onBytes?: (count: number) => void
  /** seconds before the second, third … try; their number is how often it is tried again */
  delays?: readonly number[]
}

const DELAYS = [0.5, 1, 2, 4, 8]
/** A server may ask for a longer pause than ours, but not for any. */
const LONGEST_PAUSE = 60

/** A failure that may pass: the request is worth another try. `pause`: seconds that the server asked for. */
class Passing extends Error {
  constructor(
    readonly failure: AppError,
    readonly pause = 0,
  ) {
    super(failure.message)
  }
}

/**
 * Asks for the file's first byte, to learn its length and whether the server sends parts.
 * @throws AppError weights-missing (each reason in its own words, `details.reason`), weights-corrupt when it is another file than `expected`
 */
export async function openHttpSource(signal: AbortSignal, url: string, name: string, options: HttpSourceOptions = {}): Promise<HttpSource> {
  const fail = failures(name, url)
  const probe = await persist(signal, options, async () => {
    const response = await request(signal, url, 0, 1, fail)
    await response.body?.cancel()
    return response
  })
  const resumable = probe.status === 206
  const stated = resumable ? contentRange(probe, 0, 1, fail).total : Number(probe.headers.get('content-length') ?? NaN)
  const bytes = Number.isSafeInteger(stated) ? stated : options.expected?.bytes
  if (bytes === undefined) throw fail('no-length', 'the server does not say how long it is')
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
      let filled = 0 // what came before a connection broke is kept
      while (filled < target.length) {
        filled += await persist(signal, options, async () => {
          const fill = whole ? await whole.seek(signal, start + filled) : await openPart(signal, url, start + filled, end, identity, fail)
          const received = await fill(target.subarray(filled), options.onBytes)
          if (received === 0) throw new Passing(fail('cut', `the connection broke at byte ${start + filled} of ${bytes}`))
          return received
        })
      }
      return target
    },
  }
}

/** Fills a buffer from a body; returns how much came before the buffer was full, the body ended or the connection broke. */
type Fill = (target: Uint8Array, onBytes?: (count: number) => void) => Promise<number>

async function openPart(signal: AbortSignal, url: string, start: number, end: number, identity: FileIdentity, fail: Fail): Promise<Fill> {
  const response = await request(signal, url, start, end, fail)
  if (response.status !== 206) {
    await response.body?.cancel()
    throw fail('no-range', 'the server stopped sending parts of files')
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
    if (received === target.length) await reader?.cancel() // in case it sends more than was asked for
    return received
  }
}

/** The next piece of a body; undefined at its end, and where the connection breaks. */
async function nextChunk(signal: AbortSignal, reader: ReadableStreamDefaultReader<Uint8Array>): Promise<Uint8Array | undefined> {
  try {
    const { done, value } = await reader.read()
    return done ? undefined : value
  } catch (error) {
    if (signal.aborted) throw error
    return undefined
  }
}

/** A server that sends whole files only: one body, read forwards; to go back is to begin anew. */
class WholeFile {
  private reader: ReadableStreamDefaultReader<Uint8Array> | undefined
  private at = 0
  /** what was read beyond the last piece asked for */
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

  /** Reads on; false at the end, or when the connection broke: then the next seek begins anew. */
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

/** One request; every bad answer becomes its own sentence. `end` undefined: the whole file. */
async function request(signal: AbortSignal, url: string, start: number, end: number | undefined, fail: Fail): Promise<Response> {
  let response: Response
  try {
    response = await fetch(url, { signal, cache: 'no-store', ...(end !== undefined && { headers: { Range: `bytes=${start}-${end - 1}` } }) })
  } catch (error) {
    if (signal.aborted) throw error
    // a page is not told which of the two it was
    throw new Passing(fail('unreachable', 'no answer: the server is not reachable, or it does not allow pages of other sites to read its files (CORS)'))
  }
  if (response.ok) {
    const type = response.headers.get('content-type') ?? ''
    if (!type.startsWith('text/html')) return response
    await response.body?.cancel()
    throw fail('web-page', 'a web page came instead of the file')
  }
  await response.body?.cancel()
  const { status } = response
  const pause = Math.min(Number(response.headers.get('retry-after') ?? 0) || 0, LONGEST_PAUSE)
  if (status === 401) throw fail('login', 'the server wants a login (status 401); choose a model or a mirror that is open to all', { status })
  if (status === 403) throw fail('forbidden', 'the server refuses it (status 403); its licence may have to be accepted there first', { status })
  if (status === 404 || status === 410) throw fail('not-found', `it is not there (status ${status}); the address or the mirror may be wrong`, { status })
  if (status === 416) throw fail('changed', 'the server has a shorter file now (status 416); delete the download and begin again', { status })
  if (status === 429) throw new Passing(fail('busy', 'the server asks to slow down (status 429); try again in a while', { status }), pause)
  if (status >= 500 || status === 408) throw new Passing(fail('server', `the server has trouble (status ${status}); try again later`, { status }), pause)
  throw fail('status', `status ${status}`, { status })
}

/** The part that came, which must be the one asked for. */
function contentRange(response: Response, start: number, end: number, fail: Fail): { total: number } {
  const text = response.headers.get('content-range')
  const [, first, last, total] = /^bytes (\d+)-(\d+)\/(\d+)$/.exec(text ?? '')?.map(Number) ?? []
  if (first !== start || last !== Math.min(end, total ?? 0) - 1 || total === undefined) {
    const asked = `bytes ${start}-${end - 1}`
    throw fail('wrong-range', `expected ${asked}, the server sent ${text === null ? 'a part without saying which' : `“${text}”`}`, { expected: asked, found: text })
  }
  return { total }
}

function checkSame(expected: FileIdentity, found: FileIdentity, fail: Fail): void {
  const tell = ({ bytes, etag }: FileIdentity) => `${bytes} bytes${etag === null ? '' : `, version ${etag}`}`
  const other = expected.bytes !== found.bytes || (expected.etag !== null && found.etag !== null && expected.etag !== found.etag)
  if (other) {
    const { details } = fail('changed', '')
    throw new AppError('weights-corrupt', `${String(details['file'])} has changed on the server: expected ${tell(expected)}, found ${tell(found)}; delete the download and begin again.`, {
      ...details,
      expected: tell(expected),
      found: tell(found),
    })
  }
}

/** Tries until it works, a failure is final, or the pauses are used up. */
async function persist<T>(signal: AbortSignal, { delays = DELAYS, onRetry }: HttpSourceOptions, attempt: () => Promise<T>): Promise<T> {
  for (const [index] of [...delays, undefined].entries()) {
    try {
      return await attempt()
    } catch (error) {
      if (!(error instanceof Passing)) throw error
      const delay = delays[index]
      if (delay === undefined) throw error.failure
      const seconds = Math.max(delay, error.pause)
      onRetry?.(error.failure.message, seconds)
      await pause(signal, seconds)
    }
  }
  throw new Error('unreachable: the last try returns or throws')
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
