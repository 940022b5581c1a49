// Against a real HTTP server that can be told to misbehave.
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

/** A server whose n-th request is answered by answers[n], the last one from then on; `asked` lists the Range headers. */
async function serve(...answers: Answer[]): Promise<{ url: string; asked: (string | undefined)[] }> {
  const asked: (string | undefined)[] = []
  server = createServer((request, response) => {
    const answer = answers[Math.min(asked.length, answers.length - 1)] as Answer
    asked.push(request.headers.range)
    const [, start, last] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '')?.map(Number) ?? []
    answer(request, response, start === undefined || last === undefined ? undefined : [start, Math.min(last + 1, CONTENT.length)])
  })
  await new Promise<void>((done) => server?.listen(0, '127.0.0.1', done))
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/model.safetensors`, asked }
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
/** Promises the whole part, sends `count` bytes, and drops the line. */
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
  throw new Error('it did not fail')
}

describe('a server that sends parts', () => {
  test('any part is read, and only that is asked for', async () => {
    const { url, asked } = await serve(part())
    const source = await openHttpSource(signal, url, 'model')
    expect([source.bytes, source.etag, source.resumable]).toEqual([5000, '"1"', true])
    expect(await source.read(signal, 1000, 3001)).toEqual(CONTENT.slice(1000, 3001))
    expect(await source.read(signal, 4999, 5000)).toEqual(CONTENT.slice(4999))
    expect((await source.read(signal, 7, 7)).length).toBe(0)
    expect(asked).toEqual(['bytes=0-0', 'bytes=1000-3000', 'bytes=4999-4999'])
    await expect(source.read(signal, 4000, 5001)).rejects.toThrow(RangeError)
  })

  test('after a cut only what is missing is asked for, however often', async () => {
    const { url, asked } = await serve(part(), cut(900), cut(50), cut(1), cut(700), part())
    const source = await openHttpSource(signal, url, 'model', quick)
    expect(await source.read(signal, 100, 4100)).toEqual(CONTENT.slice(100, 4100))
    expect(asked).toEqual(['bytes=0-0', 'bytes=100-4099', 'bytes=1000-4099', 'bytes=1050-4099', 'bytes=1051-4099', 'bytes=1751-4099'])
  })

  test('a line that never carries anything is given up', async () => {
    const { url, asked } = await serve(part(), cut(0))
    const source = await openHttpSource(signal, url, 'model', quick)
    const error = await failure(source.read(signal, 0, 10))
    expect([error.code, error.details['reason']]).toEqual(['weights-missing', 'cut'])
    expect(asked).toHaveLength(1 + 4)
  })

  test('a new version in the middle is refused, not mixed in', async () => {
    const { url } = await serve(part(), part('"2"'))
    const source = await openHttpSource(signal, url, 'model', quick)
    const error = await failure(source.read(signal, 0, 10))
    expect(error.code).toBe('weights-corrupt')
    expect(error.message).toContain('expected 5000 bytes, version "1", found 5000 bytes, version "2"')
  })

  test('another file than an earlier visit found is refused', async () => {
    const { url } = await serve(part())
    const error = await failure(openHttpSource(signal, url, 'model', { expected: { bytes: 4999, etag: null } }))
    expect(error.message).toContain('has changed on the server: expected 4999 bytes, found 5000 bytes')
    await openHttpSource(signal, url, 'model', { expected: { bytes: 5000, etag: null } })
  })

  test.each([
    ['another part', 'bytes 0-99/5000'],
    ['no part', null],
    ['nonsense', 'bytes */5000'],
    ['a longer part', 'bytes 10-30/5000'],
  ])('%s in Content-Range is refused', async (_, range) => {
    const { url } = await serve(part(), (_, response) => {
      response.writeHead(206, range === null ? {} : { 'content-range': range })
      response.end(CONTENT.subarray(0, 10))
    })
    const source = await openHttpSource(signal, url, 'model', quick)
    const error = await failure(source.read(signal, 10, 20))
    expect(error.details['reason']).toBe('wrong-range')
    expect(error.message).toContain('expected bytes 10-19')
  })

  test('more than was asked for is not read', async () => {
    const { url } = await serve(part(), (_, response) => {
      response.writeHead(206, { 'content-range': 'bytes 10-19/5000' })
      response.end(CONTENT.subarray(10, 900))
    })
    const source = await openHttpSource(signal, url, 'model', quick)
    expect(await source.read(signal, 10, 20)).toEqual(CONTENT.slice(10, 20))
  })
})

describe('a server that sends whole files only', () => {
  test('is read forwards in one answer, backwards in a new one', async () => {
    const { url, asked } = await serve(whole)
    const source = await openHttpSource(signal, url, 'model')
    expect(source.resumable).toBe(false)
    expect(await source.read(signal, 10, 20)).toEqual(CONTENT.slice(10, 20))
    expect(await source.read(signal, 4000, 4100)).toEqual(CONTENT.slice(4000, 4100))
    expect(asked).toHaveLength(2)
    expect(await source.read(signal, 5, 5000)).toEqual(CONTENT.slice(5))
    expect(asked).toHaveLength(3)
  })

  test('begins anew after a cut', async () => {
    const { url } = await serve(whole, cut(1500), whole)
    const source = await openHttpSource(signal, url, 'model', quick)
    expect(await source.read(signal, 1000, 3000)).toEqual(CONTENT.slice(1000, 3000))
  })
})

describe('answers that are no file', () => {
  test.each([
    [401, 'login', 'wants a login', 1],
    [403, 'forbidden', 'licence', 1],
    [404, 'not-found', 'not there', 1],
    [416, 'changed', 'shorter file', 1],
    [418, 'status', 'status 418', 1],
    [429, 'busy', 'slow down', 4],
    [503, 'server', 'has trouble', 4],
  ])('status %i is said in its own words, and tried again where that helps', async (code, reason, words, tries) => {
    const { url, asked } = await serve(status(code))
    const error = await failure(openHttpSource(signal, url, 'model', quick))
    expect([error.code, error.details['reason'], error.details['status']]).toEqual(['weights-missing', reason, code])
    expect(error.message).toContain(words)
    expect(asked).toHaveLength(tries)
  })

  test('what passes is waited for, as long as the server asks', async () => {
    const { url } = await serve(status(503, { 'retry-after': '0.05' }), status(429), part())
    const heard: number[] = []
    const source = await openHttpSource(signal, url, 'model', { ...quick, onRetry: (_, seconds) => heard.push(seconds) })
    expect(source.bytes).toBe(5000)
    expect(heard).toEqual([0.05, 0.01])
  })

  test('a web page, no length, nobody there', async () => {
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

  test('an abort ends a read and a pause at once', async () => {
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
