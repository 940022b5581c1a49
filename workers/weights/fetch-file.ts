// Fetches the files of a model folder and trusts none of them: length and SHA-256 are checked before a byte is used.
import { AppError } from '../../src/shared/errors'
import { parseManifest, type ModelManifest } from '../../src/shared/model'

/** One entry of the manifest's `files`. */
export type ModelFile = ModelManifest['files'][number]

/** How a fetch is watched and stopped. */
export interface FetchOptions {
  signal?: AbortSignal
  /** bytes of this file so far, and in all */
  onProgress?: (loadedBytes: number, totalBytes: number) => void
}

/**
 * Reads `kinora.json` of a model folder.
 * @param modelUrl absolute URL of the folder, ending in /
 * @throws AppError weights-missing, weights-corrupt
 */
export async function fetchManifest(modelUrl: string, signal?: AbortSignal): Promise<ModelManifest> {
  const url = new URL('kinora.json', modelUrl).href
  const response = await request('kinora.json', url, { signal })
  let data: unknown
  try {
    data = await response.json()
  } catch (error) {
    if (signal?.aborted) throw error
    throw new AppError('weights-corrupt', 'kinora.json is not readable: it is not JSON.', { file: 'kinora.json', url })
  }
  return parseManifest(data, url)
}

/**
 * The manifest's entry for a path.
 * @throws AppError weights-missing when the model does not list it
 */
export function modelFile(manifest: ModelManifest, path: string): ModelFile {
  const file = manifest.files.find((f) => f.path === path)
  if (!file) throw new AppError('weights-missing', `${path} is not among the files of ${manifest.name}.`, { file: path })
  return file
}

/**
 * Fetches one file of a model folder and checks it against the manifest. Nothing is returned unless all of it is right,
 * and calling again starts afresh.
 * @throws AppError weights-missing, weights-truncated, weights-corrupt; the signal's reason when it fires
 */
export async function fetchModelFile(modelUrl: string, file: ModelFile, options: FetchOptions = {}): Promise<Uint8Array<ArrayBuffer>> {
  const url = fileUrl(modelUrl, file.path)
  try {
    return await fetchOnce(url, file, 'default', options)
  } catch (error) {
    if (options.signal?.aborted || !(error instanceof AppError) || error.code === 'weights-missing') throw error
    // The bad bytes may be an old copy in a cache, from before the model was updated: look once behind every cache.
    await forgetCached(url)
    options.signal?.throwIfAborted()
    try {
      return await fetchOnce(url, file, 'reload', options)
    } catch (second) {
      // offline, the first answer says more than "not reachable"
      throw second instanceof AppError && second.code === 'weights-missing' ? error : second
    }
  }
}

async function fetchOnce(url: string, file: ModelFile, cache: RequestCache, { signal, onProgress }: FetchOptions): Promise<Uint8Array<ArrayBuffer>> {
  const response = await request(file.path, url, { signal, cache })
  const bytes = await readBody(response, file, { signal, onProgress })
  const found = toHex(await crypto.subtle.digest('SHA-256', bytes))
  signal?.throwIfAborted()
  if (found !== file.sha256.toLowerCase()) {
    throw new AppError('weights-corrupt', `${file.path} has another hash than the model says: expected SHA-256 ${file.sha256}, found ${found}.`, {
      file: file.path,
      expected: file.sha256,
      found,
    })
  }
  return bytes
}

/** A fetch whose every failure but an abort is weights-missing. */
async function request(path: string, url: string, init: RequestInit): Promise<Response> {
  const missing = (found: string, status: number | null) =>
    new AppError('weights-missing', `${path} could not be fetched: ${found}.`, { file: path, url, expected: 'status 200', found, status })
  let response: Response
  try {
    response = await fetch(url, init)
  } catch (error) {
    if (init.signal?.aborted) throw error
    throw missing('no answer from the server', null)
  }
  const type = response.headers.get('content-type') ?? ''
  // a server of single-page apps answers an unknown path with its index page and status 200
  const fallback = response.ok && type.startsWith('text/html') && !path.endsWith('.html')
  if (!response.ok || fallback) {
    await response.body?.cancel()
    throw missing(fallback ? 'a web page came instead' : `status ${response.status}`, response.status)
  }
  return response
}

/** Reads exactly `file.bytes` bytes into one buffer; Content-Length is not asked, for compression makes it lie. */
async function readBody(response: Response, file: ModelFile, { signal, onProgress }: FetchOptions): Promise<Uint8Array<ArrayBuffer>> {
  const wrongLength = (found: number) =>
    new AppError('weights-truncated', `${file.path} has the wrong length: expected ${file.bytes} bytes, found ${found}.`, {
      file: file.path,
      expected: file.bytes,
      found,
    })
  const bytes = new Uint8Array(file.bytes)
  let loaded = 0
  const reader = response.body?.getReader()
  onProgress?.(0, file.bytes)
  while (reader) {
    let read: ReadableStreamReadResult<Uint8Array>
    try {
      read = await reader.read()
    } catch (error) {
      if (signal?.aborted) throw error
      throw wrongLength(loaded) // the connection broke
    }
    if (read.done) break
    if (loaded + read.value.length > file.bytes) {
      await reader.cancel()
      throw wrongLength(loaded + read.value.length)
    }
    bytes.set(read.value, loaded)
    loaded += read.value.length
    onProgress?.(loaded, file.bytes)
  }
  if (loaded !== file.bytes) throw wrongLength(loaded)
  return bytes
}

/** The file's address, which must lie inside the model folder: a manifest may not point elsewhere. */
function fileUrl(modelUrl: string, path: string): string {
  const url = new URL(path, modelUrl).href
  if (!url.startsWith(new URL('.', modelUrl).href)) {
    throw new AppError('weights-corrupt', `kinora.json lists ${path}, which is outside the model folder.`, { file: path })
  }
  return url
}

/** Drops a file from this origin's caches (the service worker's among them), so that Retry does not meet it again. */
async function forgetCached(url: string): Promise<void> {
  if (!('caches' in globalThis)) return // not a secure context, or Node
  for (const name of await caches.keys()) await (await caches.open(name)).delete(url)
}

function toHex(digest: ArrayBuffer): string {
  return [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, '0')).join('')
}
