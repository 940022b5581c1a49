import { createHash } from 'node:crypto'
import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import { AppError } from '../../src/shared/errors'
import { fetchManifest, fetchModelFile, modelFile, type ModelFile } from '../../workers/weights/fetch-file'

const weights = new Uint8Array(300_000).map((_, i) => (i * 31) & 255)
const file: ModelFile = { path: 'transformer/w.safetensors', bytes: weights.length, sha256: createHash('sha256').update(weights).digest('hex') }

let server: Server | undefined
afterEach(() => {
  server?.closeAllConnections()
  server?.close()
})

/** Serves with this handler. @returns the model folder's URL */
async function serve(handler: RequestListener): Promise<string> {
  server = createServer(handler)
  await new Promise<void>((listening) => server!.listen(0, '127.0.0.1', listening))
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/models/starter/`
}

/** Nothing is stopped. */
const never = new AbortController().signal

async function failure(modelUrl: string): Promise<AppError> {
  const thrown: unknown = await fetchModelFile(never, modelUrl, file).catch((error: unknown) => error)
  expect(thrown).toBeInstanceOf(AppError)
  return thrown as AppError
}

describe('fetchModelFile', () => {
  test('returns the verified bytes and reports progress', async () => {
    const url = await serve((request, response) => {
      expect(request.url).toBe('/models/starter/transformer/w.safetensors')
      response.write(weights.subarray(0, 100_000))
      setTimeout(() => response.end(weights.subarray(100_000)), 20)
    })
    const seen: number[] = []
    const bytes = await fetchModelFile(never, url, file, (loaded, total) => {
      expect(total).toBe(weights.length)
      seen.push(loaded)
    })
    expect(Buffer.compare(bytes, weights)).toBe(0)
    expect(seen[0]).toBe(0)
    expect(seen.at(-1)).toBe(weights.length)
    expect(seen.length).toBeGreaterThan(2)
    expect(seen).toEqual([...seen].sort((a, b) => a - b))
  })

  test('rejects a 404 as weights-missing with the status', async () => {
    const url = await serve((_, response) => response.writeHead(404).end())
    const error = await failure(url)
    expect(error.code).toBe('weights-missing')
    expect(error.details).toMatchObject({ file: file.path, status: 404 })
  })

  test('rejects an index page with status 200 as weights-missing', async () => {
    const url = await serve((_, response) => response.setHeader('content-type', 'text/html; charset=utf-8').end('<!doctype html>'))
    const error = await failure(url)
    expect(error.code).toBe('weights-missing')
    expect(error.message).toContain('expected the file, got a web page')
  })

  test('rejects an unreachable server as weights-missing', async () => {
    const url = await serve(() => undefined)
    await new Promise((closed) => server!.close(closed))
    expect((await failure(url)).code).toBe('weights-missing')
  })

  test('rejects a wrong length or a lost connection as weights-truncated with both lengths', async () => {
    const answers: RequestListener[] = [
      (_, response) => response.end(weights.subarray(0, 1000)),
      (_, response) => response.end(Buffer.concat([weights, weights])),
      (_, response) => {
        response.setHeader('content-length', weights.length)
        response.write(weights.subarray(0, 1000), () => response.destroy())
      },
    ]
    for (const answer of answers) {
      const url = await serve(answer)
      const error = await failure(url)
      expect(error.code).toBe('weights-truncated')
      expect(error.details).toMatchObject({ file: file.path, expected: weights.length })
      expect(error.details['found']).not.toBe(weights.length)
      server!.closeAllConnections()
      server!.close()
    }
  })

  test('rejects a flipped bit as weights-corrupt with both hashes', async () => {
    const flipped = weights.slice()
    flipped[12345]! ^= 4
    const url = await serve((_, response) => response.end(flipped))
    const error = await failure(url)
    expect(error.code).toBe('weights-corrupt')
    expect(error.details).toEqual({ file: file.path, expected: file.sha256, found: createHash('sha256').update(flipped).digest('hex') })
  })

  test('fetches a damaged file once more, past the caches', async () => {
    const caching: (string | undefined)[] = []
    const url = await serve((request, response) => {
      caching.push(request.headers['cache-control'])
      response.end(caching.length === 1 ? weights.subarray(1) : weights)
    })
    expect(await fetchModelFile(never, url, file)).toHaveLength(weights.length)
    expect(caching).toEqual([undefined, 'no-cache'])
  })

  test('rejects with AbortError on an abort, and closes the connection', async () => {
    const stopped = new AbortController()
    let closed = false
    const url = await serve((_, response) => {
      response.on('close', () => (closed = true))
      response.write(weights.subarray(0, 1000))
    })
    const run = fetchModelFile(stopped.signal, url, file, (loaded) => loaded > 0 && stopped.abort())
    await expect(run).rejects.toMatchObject({ name: 'AbortError' })
    await expect.poll(() => closed).toBe(true)
  })

  test('rejects with the reason of an abort, without a retry', async () => {
    const stopped = new AbortController()
    const reason = new AppError('cancelled', 'The job was cancelled.')
    let requests = 0
    const url = await serve((_, response) => {
      requests++
      response.write(weights.subarray(0, 1000))
    })
    const run = fetchModelFile(stopped.signal, url, file, (loaded) => loaded > 0 && stopped.abort(reason))
    await expect(run).rejects.toBe(reason)
    expect(requests).toBe(1)
  })

  test('rejects a path outside the model folder without a request', async () => {
    let requests = 0
    const url = await serve((_, response) => {
      requests++
      response.end(weights)
    })
    for (const path of ['../other/w.safetensors', '/w.safetensors', 'https://example.com/w.safetensors']) {
      await expect(fetchModelFile(never, url, { ...file, path })).rejects.toMatchObject({ code: 'weights-corrupt' })
    }
    expect(requests).toBe(0)
  })
})

test.each([2 ** 50, -1, 0.5, NaN])('rejects a file of %d bytes as weights-corrupt', async (bytes) => {
  const url = await serve((_, response) => response.end(weights))
  await expect(fetchModelFile(never, url, { ...file, bytes })).rejects.toMatchObject({ code: 'weights-corrupt', details: { file: file.path } })
})

describe('fetchManifest', () => {
  const manifest = {
    schemaVersion: 1,
    id: 'tiny',
    name: 'Tiny',
    version: 1,
    licence: 'MIT',
    description: 'for a test',
    files: [file],
    sizes: [{ shape: '1:1', width: 64, height: 64 }],
    frames: { default: 9, allowed: [9] },
    fps: { default: 8, allowed: [8] },
    steps: { default: 4, min: 1, max: 8 },
    guidance: { default: 3, min: 1, max: 8 },
    latent: { channels: 16, scaleSpace: 8, scaleTime: 4 },
    rope: { coordinate: 'latent index x scale', timeScale: 1, spaceScale: 1, baseTime: 20, baseSpace: 2048, theta: 10_000 },
    text: { maxTokens: 16, words: [] },
    knows: [],
    examples: [],
  }

  test('reads kinora.json and finds its files', async () => {
    const url = await serve((_, response) => response.setHeader('content-type', 'application/json').end(JSON.stringify(manifest)))
    const read = await fetchManifest(never, url)
    expect(modelFile(read, file.path)).toEqual(file)
    expect(() => modelFile(read, 'vae/none')).toThrow('vae/none: expected a file that kinora.json of Tiny lists')
  })

  test.each([
    ['a missing file', 404, '', 'weights-missing'],
    ['no JSON', 200, '{', 'weights-corrupt'],
    ['another schema', 200, '{"schemaVersion":1}', 'weights-corrupt'],
  ])('rejects %s', async (_, status, body, code) => {
    const url = await serve((_request, response) => response.writeHead(status, { 'content-type': 'application/json' }).end(body))
    await expect(fetchManifest(never, url)).rejects.toMatchObject({ code })
  })
})
