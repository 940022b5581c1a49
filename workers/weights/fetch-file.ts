// Fetches the files of a model folder; length and SHA-256 are verified before a file is used.
import { AppError } from '../../src/shared/errors'
import { MAX_FILE_BYTES, readJsonBody } from '../../src/shared/file-bounds'
import { parseManifest, type ModelManifest } from '../../src/shared/model'
import { sha256Hex } from './sha256'

/** One entry of the manifest's `files`. */
export type ModelFile = ModelManifest['files'][number]

/** Gets the bytes of a file that have arrived, and its length. */
export type OnBytes = (loadedBytes: number, totalBytes: number) => void

/**
 * Reads `kinora.json` of a model folder.
 * @param modelUrl absolute URL of the folder, ending in /
 * @throws AppError weights-missing, weights-corrupt; the signal's reason when it fires
 */
export async function fetchManifest(signal: AbortSignal, modelUrl: string): Promise<ModelManifest> {
  const url = new URL('kinora.json', modelUrl).href
  const response = await request(signal, 'kinora.json', url, 'default')
  return parseManifest(await readJsonBody(response, MAX_FILE_BYTES.manifest, 'kinora.json'), url)
}

/**
 * The manifest's entry for a path.
 * @throws AppError weights-missing when the model does not list it
 */
export function modelFile(manifest: ModelManifest, path: string): ModelFile {
  const file = manifest.files.find((f) => f.path === path)
  if (!file)
    throw new AppError('weights-missing', `${path}: expected a file that kinora.json of ${manifest.name} lists; it lists no such file.`, { file: path })
  return file
}

/**
 * Fetches a file of a model folder and verifies it against the manifest. A second call fetches it again.
 * @throws AppError weights-missing, weights-truncated, weights-corrupt; the signal's reason when it fires
 */
export async function fetchModelFile(signal: AbortSignal, modelUrl: string, file: ModelFile, onProgress?: OnBytes): Promise<Uint8Array<ArrayBuffer>> {
  const url = fileUrl(modelUrl, file.path)
  try {
    return await fetchOnce(signal, url, file, 'default', onProgress)
  } catch (error) {
    if (signal.aborted || !(error instanceof AppError) || error.code === 'weights-missing') throw error
    // the bytes may be an old copy from before the model was updated: fetch once past every cache
    await deleteFromCaches(url)
    signal.throwIfAborted()
    try {
      return await fetchOnce(signal, url, file, 'reload', onProgress)
    } catch (second) {
      // offline, the first error is more useful than “not reachable”
      throw second instanceof AppError && second.code === 'weights-missing' ? error : second
    }
  }
}

async function fetchOnce(signal: AbortSignal, url: string, file: ModelFile, cache: RequestCache, onProgress?: OnBytes): Promise<Uint8Array<ArrayBuffer>> {
  const response = await request(signal, file.path, url, cache)
  const bytes = await readBody(signal, response, file, onProgress)
  const found = await sha256Hex(bytes)
  signal.throwIfAborted()
  if (found !== file.sha256.toLowerCase()) {
    throw new AppError(
      'weights-corrupt',
      `${file.path} has the wrong hash: expected SHA-256 ${file.sha256}, got ${found}. Reload the page to fetch it again.`,
      {
        file: file.path,
        expected: file.sha256,
        found,
      },
    )
  }
  return bytes
}

/** A fetch that fails with weights-missing, or with the signal's reason. */
async function request(signal: AbortSignal, path: string, url: string, cache: RequestCache): Promise<Response> {
  const missing = (found: string, status: number | null) =>
    new AppError('weights-missing', `${path} could not be fetched: expected the file, got ${found}.`, {
      file: path,
      url,
      expected: 'status 200',
      found,
      status,
    })
  let response: Response
  try {
    response = await fetch(url, { signal, cache })
  } catch (error) {
    if (signal.aborted) throw error
    throw missing('no answer from the server; check the connection', null)
  }
  const type = response.headers.get('content-type') ?? ''
  // servers of single-page apps answer an unknown path with their index page and status 200
  const fallback = response.ok && type.startsWith('text/html') && !path.endsWith('.html')
  if (!response.ok || fallback) {
    await response.body?.cancel()
    throw missing(fallback ? 'a web page' : `status ${response.status}`, response.status)
  }
  return response
}

/** Reads exactly `file.bytes` bytes into one buffer. Content-Length is not used: it is the compressed length. */
async function readBody(signal: AbortSignal, response: Response, file: ModelFile, onProgress?: OnBytes): Promise<Uint8Array<ArrayBuffer>> {
  const wrongLength = (found: number) =>
    new AppError('weights-truncated', `${file.path} has the wrong length: expected ${file.bytes} bytes, got ${found}. Reload the page to fetch it again.`, {
      file: file.path,
      expected: file.bytes,
      found,
    })
  const bytes = allocate(file)
  let loaded = 0
  const reader = response.body?.getReader()
  onProgress?.(0, file.bytes)
  while (reader) {
    let read: ReadableStreamReadResult<Uint8Array>
    try {
      read = await reader.read()
    } catch (error) {
      if (signal.aborted) throw error
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

/** A buffer for a file, whose length is a number of kinora.json. @throws AppError weights-corrupt when it is no length that fits in memory */
function allocate({ path, bytes }: ModelFile): Uint8Array<ArrayBuffer> {
  try {
    if (Number.isSafeInteger(bytes)) return new Uint8Array(bytes)
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
  }
  throw new AppError('weights-corrupt', `kinora.json: expected a length of ${path} that fits in memory, got ${bytes} bytes.`, { file: path, found: bytes })
}

/** The file's URL. A manifest may only list files inside its model folder. @throws AppError weights-corrupt */
function fileUrl(modelUrl: string, path: string): string {
  const url = new URL(path, modelUrl).href
  if (!url.startsWith(new URL('.', modelUrl).href)) {
    throw new AppError('weights-corrupt', `kinora.json: expected paths inside the model folder, got ${path}.`, { file: path })
  }
  return url
}

/** Deletes a file from this origin's caches, those of the service worker included. */
async function deleteFromCaches(url: string): Promise<void> {
  if (!('caches' in globalThis)) return // not a secure context, or Node
  for (const name of await caches.keys()) await (await caches.open(name)).delete(url)
}
