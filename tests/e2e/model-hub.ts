// A hub of models on the app's own origin, for tests: files under the names of the catalogue with other content, and a build whose
// catalogue has their lengths and hashes. The page and its workers are otherwise those of the build.
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createReadStream, readFileSync } from 'node:fs'
import { open } from 'node:fs/promises'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Plugin } from 'vite'
import { siteHeaders } from '../../src/shared/site-headers'
import { CATALOGUE } from '../../src/shared/model-catalogue'
import type { CatalogueFile } from '../../src/shared/model-catalogue'

const PIECE_BYTES = 64 * 1024

/** A file of the hub. */
export interface HubFile {
  bytes: number
  sha256: string
  /** @param end not included */
  read(start: number, end: number): Promise<Uint8Array>
}

export class ModelHub {
  /** rate of response bodies, for tests that act during a download */
  bytesPerSecond = Infinity
  /** answers every request with this status instead */
  status: number | null = null
  /** requested ranges: bytes `start` up to, not including, `end`; null: the whole file */
  readonly requested: { path: string; start: number | null; end: number | null }[] = []
  readonly #files = new Map<string, HubFile>()

  /** @param files content, length or source by path; other paths are missing. A path may begin with its repository, if two have the same path. */
  constructor(files: Record<string, number | Uint8Array | HubFile>) {
    for (const [path, file] of Object.entries(files)) {
      this.#files.set(path, typeof file === 'number' ? inMemory(content(path, file)) : file instanceof Uint8Array ? inMemory(file) : file)
    }
  }

  /** Restores the initial state. */
  reset(): void {
    this.bytesPerSecond = Infinity
    this.status = null
    this.requested.length = 0
  }

  /** Address of the hub as a mirror, on the app's origin. */
  static url(origin: string): string {
    return `${origin}/hub/`
  }

  /** The Vite plugin that serves the hub beside a build. @param folder of the build */
  plugin(folder: string): Plugin {
    return {
      name: 'kinora:model-hub',
      configurePreviewServer: ({ middlewares }) => {
        middlewares.use('/hub/', (request, response) => void this.#answer(request, response))
        middlewares.use('/assets/', (request, response, next) => {
          const path = (request.url ?? '').replace(/\?.*$/, '')
          if (!path.endsWith('.js')) return next()
          for (const [name, value] of Object.entries(siteHeaders())) response.setHeader(name, value)
          response.writeHead(200, { 'content-type': 'text/javascript', 'cache-control': 'no-store' })
          return response.end(this.withHubCatalogue(readFileSync(join(folder, 'assets', path), 'utf8')))
        })
      },
    }
  }

  /** A built script whose catalogue has these files' lengths and hashes. */
  withHubCatalogue(script: string): string {
    return CATALOGUE.flatMap(({ files }) => files).reduce((text, file) => this.#withHubFile(text, file), script)
  }

  #withHubFile(script: string, { path, pin }: CatalogueFile): string {
    const file = this.#files.get(path)
    if (!file || !pin) return script
    return script.replaceAll(String(pin.bytes), String(file.bytes)).replaceAll(pin.sha256, file.sha256)
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const [, repo = '', path = ''] = /([^/]+\/[^/]+)\/resolve\/[^/]+\/(.+)$/.exec(request.url ?? '') ?? []
    const file = this.#files.get(`${repo}/${path}`) ?? this.#files.get(path)
    const range = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '')
    this.requested.push({ path, start: range ? Number(range[1]) : null, end: range ? Number(range[2]) + 1 : null })
    const status = this.status ?? (file ? null : 404)
    if (status !== null || !file) {
      response.writeHead(status ?? 404).end()
      return
    }
    const start = Number(range?.[1] ?? 0)
    const end = Math.min(Number(range?.[2] ?? file.bytes - 1) + 1, file.bytes)
    response.writeHead(range ? 206 : 200, {
      'content-type': 'application/octet-stream',
      'content-length': end - start,
      etag: `"${file.bytes}"`,
      ...(range && { 'content-range': `bytes ${start}-${end - 1}/${file.bytes}` }),
    })
    const gone = new AbortController()
    response.once('close', () => gone.abort())
    for (let at = start; at < end && !gone.signal.aborted; at += PIECE_BYTES) {
      const piece = await file.read(at, Math.min(at + PIECE_BYTES, end))
      if (Number.isFinite(this.bytesPerSecond)) await sleep((1000 * piece.length) / this.bytesPerSecond)
      if (!response.write(piece)) await once(response, 'drain', { signal: gone.signal }).catch(() => undefined)
    }
    response.end()
  }
}

function inMemory(bytes: Uint8Array): HubFile {
  return {
    bytes: bytes.length,
    sha256: createHash('sha256').update(bytes).digest('hex'),
    read: (start, end) => Promise.resolve(bytes.subarray(start, end)),
  }
}

/** A local file of any size; it is read once for its hash. */
export async function onDisk(path: string): Promise<HubFile> {
  const hash = createHash('sha256')
  for await (const piece of createReadStream(path, { highWaterMark: 2 ** 22 })) hash.update(piece as Buffer)
  const file = await open(path)
  return {
    bytes: (await file.stat()).size,
    sha256: hash.digest('hex'),
    async read(start, end) {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(end - start), 0, end - start, start)
      return buffer.subarray(0, bytesRead)
    },
  }
}

/** Bytes that differ between files and between positions. */
function content(path: string, length: number): Buffer {
  const bytes = Buffer.alloc(length)
  let state = path.length
  for (let at = 0; at + 4 <= length; at += 4) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    bytes.writeUInt32LE(state, at)
  }
  return bytes
}
