// A mirror on this machine that serves one file in parts, slowly enough to be interrupted, and fails on request.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** A fault that occurs once, after `atByte` sent bytes: the connection is cut, the response ends early as if complete, or a bit flips. */
export interface Fault {
  kind: 'cut' | 'truncate' | 'flip'
  atByte: number
}

export interface ModelServer {
  /** base URL, ending in / */
  url: string
  /** bytes of the file that were sent, in all responses together */
  sent: number
  /** the Range header of each request */
  requested: (string | undefined)[]
  fault: Fault | null
  /** responds in place of the file; null: the file is sent */
  instead: ((request: IncomingMessage, response: ServerResponse) => void) | null
  /** false: Range is not supported, every response has the whole file */
  parts: boolean
  /** milliseconds between pieces of 16 KiB */
  pauseMs: number
  /** the ETag of responses */
  etag: string
  /** resolves when this many bytes were sent */
  reached(bytes: number): Promise<void>
  /** resets counters and faults */
  reset(): void
  close(): Promise<void>
}

const PIECE = 16 * 1024

/** Headers that let pages of other origins read a response. */
export const OPEN_TO_ALL = {
  'access-control-allow-origin': '*',
  'access-control-allow-headers': 'range',
  'access-control-expose-headers': 'etag, content-range, content-length',
  'cache-control': 'no-store',
}

/** Starts a server with this file at every path. */
export async function serveModel(content: Buffer): Promise<ModelServer> {
  const waiting = new Set<{ bytes: number; done: () => void }>()

  const count = (bytes: number) => {
    state.sent += bytes
    for (const one of waiting) {
      if (state.sent < one.bytes) continue
      waiting.delete(one)
      one.done()
    }
  }

  const sendPart = async (response: ServerResponse, start: number, end: number) => {
    for (let at = start; at < end && !response.destroyed;) {
      const { fault } = state
      const until = Math.min(at + PIECE, end)
      let piece = content.subarray(at, until)
      if (fault && state.sent + piece.length > fault.atByte) {
        state.fault = null
        const before = Math.max(0, fault.atByte - state.sent)
        if (fault.kind === 'flip') {
          piece = Buffer.from(piece)
          piece[before]! ^= 1
        } else {
          response.write(piece.subarray(0, before))
          count(before)
          await pause(5) // so that the sent bytes arrive before the connection ends
          return fault.kind === 'cut' ? response.destroy() : response.end()
        }
      }
      response.write(piece)
      count(piece.length)
      at = until
      await pause(state.pauseMs)
    }
    return response.end()
  }

  const server = createServer((request, response) => {
    state.requested.push(request.headers.range)
    if (state.instead) return state.instead(request, response)
    if (request.method === 'OPTIONS') return response.writeHead(204, OPEN_TO_ALL).end()
    const range = state.parts ? (request.headers.range ?? '') : ''
    const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(range)?.map(Number) ?? []
    const [start, end] = first === undefined || last === undefined ? [0, content.length] : [first, Math.min(last + 1, content.length)]
    const contentRange = first === undefined ? {} : { 'content-range': `bytes ${start}-${end - 1}/${content.length}` }
    // a response that will end early has no length: the client must notice by itself
    const length = state.fault?.kind === 'truncate' ? {} : { 'content-length': end - start }
    response.writeHead(first === undefined ? 200 : 206, { ...OPEN_TO_ALL, etag: state.etag, ...contentRange, ...length })
    return sendPart(response, start, end)
  })

  const state: ModelServer = {
    url: '',
    sent: 0,
    requested: [],
    fault: null,
    instead: null,
    parts: true,
    pauseMs: 1,
    etag: '"1"',
    reached: (bytes) => (state.sent >= bytes ? Promise.resolve() : new Promise((done) => waiting.add({ bytes, done }))),
    reset: () => Object.assign(state, { sent: 0, requested: [], fault: null, instead: null, parts: true, pauseMs: 1, etag: '"1"' }),
    close: () =>
      new Promise((done) => {
        server.closeAllConnections()
        server.close(() => done())
      }),
  }
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  state.url = `http://localhost:${(server.address() as AddressInfo).port}/`
  return state
}

function pause(ms: number): Promise<void> {
  return new Promise((done) => setTimeout(done, ms))
}
