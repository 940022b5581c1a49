// Against a real HTTP server that fails on request.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import { AppError } from '../../src/shared/errors'
import { openHttpSource } from '../../workers/weights/http-source'

const CONTENT = Uint8Array.from({ length: 5000 }, (_, i) => (i * 7 + (i >> 8)) & 255)
const signal = new AbortController().signal
const quick = { delays: [0.01, 0.01, 0.01] }

type Answer = (request: IncomingMessage, response: ServerResponse, range: [start: number, end: number] | undefined) => void
let server: Server | undefined
afterEach(() => {
  server?.closeAllConnections()
  server?.close()
})

/** A server whose n-th request is answered by answers[n], later ones by the last; `requested` lists the Range headers. */
async function serve(...answers: Answer[]): Promise<{ url: string; requested: (string | undefined)[] }> {
  const requested: (string | undefined)[] = []
  server = createServer((request, response) => {
    const answer = answers[Math.min(requested.length, answers.length - 1)] as Answer
    requested.push(request.headers.range)
    const [, start, last] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '')?.map(Number) ?? []
    answer(request, response, start === undefined || last === undefined ? undefined : [start, Math.min(last + 1, CONTENT.length)])
  })
  await new Promise<void>((done) => server?.listen(0, '127.0.0.1', done))
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/model.safetensors`, requested }
}

const part =
  (etag = '"1"', content = CONTENT): Answer =>
  (_, response, range) => {
    const [start, end] = range ?? [0, content.length]
    response.writeHead(206, { 'content-range': `bytes ${start}-${end - 1}/${content.length}`, etag, 'content-length': end - start })
    response.end(content.subarray(start, end))
  }
const whole: Answer = (_, response) => {
  response.writeHead(200, { 'content-length': CONTENT.length, etag: '"1"' })
  response.end(CONTENT)
}
const status =
  (code: number, headers: Record<string, string> = {}): Answer =>
  (_, response) => {
    response.writeHead(code, headers)
    response.end()
  }
/** Announces the whole part, sends `count` bytes, and closes the connection. */
const cut =
  (count: number): Answer =>
  (_, response, range) => {
    const [start, end] = range ?? [0, CONTENT.length]
    const head = range ? { 'content-range': `bytes ${start}-${end - 1}/${CONTENT.length}` } : {}
    response.writeHead(range ? 206 : 200, { ...head, etag: '"1"', 'content-length': end - start })
    response.write(CONTENT.subarray(start, start + count), () => setTimeout(() => response.destroy(), 20))
  }

async function failure(run: Promise<unknown>): Promise<AppError> {
  try {
    await run
  } catch (error) {
    if (error instanceof AppError) return error
    throw error
  }
  throw new Error('Expected a rejection.')
}

describe('a server that sends parts', () => {
  test('reads any part, and requests nothing else', async () => {
    const { url, requested } = await serve(part())
    const source = await openHttpSource(signal, url, 'model')
    expect([source.bytes, source.etag, source.resumable]).toEqual([5000, '"1"', true])
    expect(await source.read(signal, 1000, 3001)).toEqual(CONTENT.slice(1000, 3001))
    expect(await source.read(signal, 4999, 5000)).toEqual(CONTENT.slice(4999))
    expect((await source.read(signal, 7, 7)).length).toBe(0)
    expect(requested).toEqual(['bytes=0-0', 'bytes=1000-3000', 'bytes=4999-4999'])
    await expect(source.read(signal, 4000, 5001)).rejects.toThrow(RangeError)
  })

  test('requests only the missing bytes after each lost connection', async () => {
    const { url, requested } = await serve(part(), cut(900), cut(50), cut(1), cut(700), part())
    const source = await openHttpSource(signal, url, 'model', quick)
    expect(await source.read(signal, 100, 4100)).toEqual(CONTENT.slice(100, 4100))
    expect(requested).toEqual(['bytes=0-0', 'bytes=100-4099', 'bytes=1000-4099', 'bytes=1050-4099', 'bytes=1051-4099', 'bytes=1751-4099'])
  })

  test('gives up when connections deliver no bytes', async () => {
    const { url, requested } = await serve(part(), cut(0))
    const source = await openHttpSource(signal, url, 'model', quick)
    const error = await failure(source.read(signal, 0, 10))
    expect([error.code, error.details['reason']]).toEqual(['weights-missing', 'cut'])
    expect(requested).toHaveLength(1 + 4)
  })

  test('rejects a version that changes during a read', async () => {
    const { url } = await serve(part(), part('"2"'))
    const source = await openHttpSource(signal, url, 'model', quick)
    const error = await failure(source.read(signal, 0, 10))
    expect(error.code).toBe('weights-corrupt')
    expect(error.message).toContain('expected 5000 bytes, version "1", got 5000 bytes, version "2"')
  })

  test('rejects another file than on an earlier visit', async () => {
    const { url } = await serve(part())
    const error = await failure(openHttpSource(signal, url, 'model', { expected: { bytes: 4999, etag: null } }))
    expect(error.message).toContain('has changed on the server: expected 4999 bytes, got 5000 bytes')
    await openHttpSource(signal, url, 'model', { expected: { bytes: 5000, etag: null } })
  })

  test.each([
    ['another part', 'bytes 0-99/5000'],
    ['nothing', null],
    ['an unsatisfied range', 'bytes */5000'],
    ['a longer part', 'bytes 10-30/5000'],
  ])('rejects %s in Content-Range', async (_, range) => {
    const { url } = await serve(part(), (_, response) => {
      response.writeHead(206, range === null ? {} : { 'content-range': range })
      response.end(CONTENT.subarray(0, 10))
    })
    const source = await openHttpSource(signal, url, 'model', quick)
    const error = await failure(source.read(signal, 10, 20))
    expect(error.details['reason']).toBe('wrong-range')
    expect(error.message).toContain('expected bytes 10-19')
  })

  test('ignores bytes beyond the requested ones', async () => {
    const { url } = await serve(part(), (_, response) => {
      response.writeHead(206, { 'content-range': 'bytes 10-19/5000' })
      response.end(CONTENT.subarray(10, 900))
    })
    const source = await openHttpSource(signal, url, 'model', quick)
    expect(await source.read(signal, 10, 20)).toEqual(CONTENT.slice(10, 20))
  })
})

describe('a server that sends whole files only', () => {
  test('is read forwards in one response, backwards in a new one', async () => {
    const { url, requested } = await serve(whole)
    const source = await openHttpSource(signal, url, 'model')
    expect(source.resumable).toBe(false)
    expect(await source.read(signal, 10, 20)).toEqual(CONTENT.slice(10, 20))
    expect(await source.read(signal, 4000, 4100)).toEqual(CONTENT.slice(4000, 4100))
    expect(requested).toHaveLength(2)
    expect(await source.read(signal, 5, 5000)).toEqual(CONTENT.slice(5))
    expect(requested).toHaveLength(3)
  })

  test('starts again after a lost connection', async () => {
    const { url } = await serve(whole, cut(1500), whole)
    const source = await openHttpSource(signal, url, 'model', quick)
    expect(await source.read(signal, 1000, 3000)).toEqual(CONTENT.slice(1000, 3000))
  })
})

describe('failing responses', () => {
  test.each([
    [401, 'login', 'requires a login', 1],
    [403, 'forbidden', 'license', 1],
    [404, 'not-found', 'does not exist there', 1],
    [416, 'changed', 'shorter file', 1],
    [418, 'status', 'got 418', 1],
    [429, 'busy', 'limits the rate', 4],
    [503, 'server', 'the server failed', 4],
  ])('status %i has its own reason and message, and is retried if it is temporary', async (code, reason, text, attempts) => {
    const { url, requested } = await serve(status(code))
    const error = await failure(openHttpSource(signal, url, 'model', quick))
    expect([error.code, error.details['reason'], error.details['status']]).toEqual(['weights-missing', reason, code])
    expect(error.message).toContain(text)
    expect(requested).toHaveLength(attempts)
  })

  test('waits as long as the server requests', async () => {
    const { url } = await serve(status(503, { 'retry-after': '0.05' }), status(429), part())
    const delays: number[] = []
    const source = await openHttpSource(signal, url, 'model', { ...quick, onRetry: (_, seconds) => delays.push(seconds) })
    expect(source.bytes).toBe(5000)
    expect(delays).toEqual([0.05, 0.01])
  })

  test('rejects a web page, a missing length and an unreachable server', async () => {
    const page = await serve((_, response) => response.writeHead(200, { 'content-type': 'text/html' }).end('<html>'))
    expect((await failure(openHttpSource(signal, page.url, 'model', quick))).details['reason']).toBe('web-page')
    server?.close()
    const endless = await serve((_, response) => {
      response.writeHead(200, { 'transfer-encoding': 'chunked' })
      response.end('x')
    })
    expect((await failure(openHttpSource(signal, endless.url, 'model', quick))).details['reason']).toBe('no-length')
    expect((await failure(openHttpSource(signal, 'http://127.0.0.1:9/model', 'model', quick))).details['reason']).toBe('unreachable')
  })

  test('an abort ends a read and a retry delay at once', async () => {
    const { url } = await serve(part(), (_, response) => response.writeHead(206, { 'content-range': 'bytes 0-99/5000' }).write('x'))
    const source = await openHttpSource(signal, url, 'model')
    const reading = new AbortController()
    setTimeout(() => reading.abort(new Error('stopped')), 50)
    await expect(source.read(reading.signal, 0, 100)).rejects.toThrow('stopped')
    server?.closeAllConnections()
    server?.close()
    const busy = await serve(status(503))
    const waiting = new AbortController()
    setTimeout(() => waiting.abort(new Error('stopped')), 50)
    await expect(openHttpSource(waiting.signal, busy.url, 'model', { delays: [60] })).rejects.toThrow('stopped')
  })
})
