// A mirror on this machine that serves one file in parts, slowly enough to be interrupted, and fails on request.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** What goes wrong, once, when `atByte` bytes were sent in all: the line is cut, the answer ends early as if that were all, or a bit flips. */
export interface Fault {
  kind: 'cut' | 'truncate' | 'flip'
  atByte: number
}

export interface ModelServer {
  /** base URL, ending in / */
  url: string
  /** bytes of the file that were sent, in all answers together */
  sent: number
  /** the Range header of each request */
  asked: (string | undefined)[]
  fault: Fault | null
  /** answers in place of the file; null: the file */
  instead: ((request: IncomingMessage, response: ServerResponse) => void) | null
  /** false: it knows no Range and answers with the whole file, whatever part was asked for */
  parts: boolean
  /** milliseconds between pieces of 16 KiB */
  pauseMs: number
  /** the ETag that it gives */
  etag: string
  /** resolves when so many bytes were sent */
  reached(bytes: number): Promise<void>
  /** forgets what it counted and all faults */
  reset(): void
  close(): Promise<void>
}

const PIECE = 16 * 1024

/** What pages of other origins may read. */
export const OPEN_TO_ALL = {
  'access-control-allow-origin': '*',
  'access-control-allow-headers': 'range',
  'access-control-expose-headers': 'etag, content-range, content-length',
  'cache-control': 'no-store',
}

/** Starts it, with this file at every path. */
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
          await pause(5) // so that what was sent arrives before the line ends
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
    state.asked.push(request.headers.range)
    if (state.instead) return state.instead(request, response)
    if (request.method === 'OPTIONS') return response.writeHead(204, OPEN_TO_ALL).end()
    const asked = state.parts ? (request.headers.range ?? '') : ''
    const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(asked)?.map(Number) ?? []
    const [start, end] = first === undefined || last === undefined ? [0, content.length] : [first, Math.min(last + 1, content.length)]
    const range = first === undefined ? {} : { 'content-range': `bytes ${start}-${end - 1}/${content.length}` }
    // an answer that will end early says no length: the client must notice by itself
    const length = state.fault?.kind === 'truncate' ? {} : { 'content-length': end - start }
    response.writeHead(first === undefined ? 200 : 206, { ...OPEN_TO_ALL, etag: state.etag, ...range, ...length })
    return sendPart(response, start, end)
  })

  const state: ModelServer = {
    url: '',
    sent: 0,
    asked: [],
    fault: null,
    instead: null,
    parts: true,
    pauseMs: 1,
    etag: '"1"',
    reached: (bytes) => (state.sent >= bytes ? Promise.resolve() : new Promise((done) => waiting.add({ bytes, done }))),
    reset: () => Object.assign(state, { sent: 0, asked: [], fault: null, instead: null, parts: true, pauseMs: 1, etag: '"1"' }),
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
