// Media assets: a person's own images and videos that clips are made from, saved in OPFS as assets/<SHA-256 of the file>/<file name>,
// so that a clip can be made again after the original file was deleted.
import { sha256 } from '@noble/hashes/sha2.js'
import { bytesToHex } from '@noble/hashes/utils.js'
import { AppError } from '../../src/shared/errors'
import { assetIdsIn } from '../../src/shared/record'
import { withRecords } from './library'
import { isNotFound, openFolder, openSyncHandle, removeEntry, writeAll } from './opfs'
import { listAside, listQueues } from './queues'

const lockName = (id: string) => `kinora asset ${id}`
/** locks of the assets that this worker has saved or opened, by id */
const held = new Map<string, Promise<void>>()

const PIECE_BYTES = 2 ** 22
/** Characters; most file systems allow 255 bytes. */
const LONGEST_NAME = 120

/** A saved file. */
export interface Asset {
  /** SHA-256 of its bytes, in hex */
  id: string
  name: string
  file: File
}

/**
 * Copies a file to OPFS, unless the same bytes are saved already.
 * @throws DOMException QuotaExceededError; AbortError
 */
export async function saveAsset(signal: AbortSignal, file: File): Promise<Asset> {
  const id = await hashOf(signal, file)
  await hold(id)
  const saved = await find(id)
  if (saved?.file.size === file.size) return saved
  const folder = await (await openAssets()).getDirectoryHandle(id, { create: true })
  const name = safeName(file.name)
  const handle = await openSyncHandle(folder, name)
  try {
    handle.truncate(0)
    let at = 0
    for await (const piece of pieces(signal, file)) {
      writeAll(handle, piece, at)
      at += piece.length
    }
    handle.flush()
  } catch (error) {
    handle.close()
    await removeAsset(id)
    throw error
  }
  handle.close()
  return { id, name, file: await (await folder.getFileHandle(name)).getFile() }
}

/** A saved file. @throws AppError not-found */
export async function openAsset(id: string): Promise<Asset> {
  await hold(id)
  const asset = await find(id)
  if (asset) return asset
  throw new AppError(
    'not-found',
    `The image or video ${id.slice(0, 8)}… that this clip is made from is no longer in this browser's storage: choose it again.`,
    { id },
  )
}

/**
 * Deletes files that are referenced neither by a clip of the library, nor by a queue, nor by `named`. A file that a running worker has saved or opened
 * is in use by its page, and stays.
 * @param named ids in use elsewhere: forms
 * @param beforeMs since the epoch: a file written later stays, too
 * @returns how many were deleted
 */
export async function sweepAssets(named: readonly string[], beforeMs: number): Promise<number> {
  let removed = 0
  for (const id of await listAssets()) {
    const written = (await find(id))?.file.lastModified ?? 0
    if (named.includes(id) || written >= beforeMs) continue
    await navigator.locks.request(lockName(id), { ifAvailable: true }, async (lock) => {
      // read under the lock: a clip may have been finished meanwhile
      if (!lock || assetIdsIn(await references()).includes(id)) return
      await removeAsset(id)
      removed++
    })
  }
  return removed
}

/** Everything in the library's database that may refer to a file. */
async function references(): Promise<unknown[]> {
  const requests = await withRecords(async (open) => (await open.list()).map(({ request }) => request))
  return [requests, await listQueues(), await listAside()]
}

/** Takes a shared lock on a file until this worker ends. sweepAssets skips locked files. */
function hold(id: string): Promise<void> {
  const holding =
    held.get(id) ??
    new Promise<void>((granted, failed) => {
      navigator.locks
        .request(lockName(id), { mode: 'shared' }, () => {
          granted()
          return new Promise<never>(() => undefined)
        })
        .catch(failed)
    })
  held.set(id, holding)
  return holding
}

async function removeAsset(id: string): Promise<void> {
  await removeEntry(await openAssets(), id)
}

async function listAssets(): Promise<string[]> {
  const ids: string[] = []
  for await (const id of (await openAssets()).keys()) ids.push(id)
  return ids
}

async function find(id: string): Promise<Asset | undefined> {
  try {
    for await (const [name, entry] of (await (await openAssets()).getDirectoryHandle(id)).entries()) {
      if (entry.kind === 'file') return { id, name, file: await (entry as FileSystemFileHandle).getFile() }
    }
  } catch (error) {
    if (!isNotFound(error)) throw error
  }
  return undefined
}

function openAssets(): Promise<FileSystemDirectoryHandle> {
  return openFolder('assets')
}

async function hashOf(signal: AbortSignal, file: File): Promise<string> {
  const hash = sha256.create()
  for await (const piece of pieces(signal, file)) hash.update(piece)
  return bytesToHex(hash.digest())
}

async function* pieces(signal: AbortSignal, file: File): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  for (let at = 0; at < file.size; at += PIECE_BYTES) {
    signal.throwIfAborted()
    yield new Uint8Array(await file.slice(at, at + PIECE_BYTES).arrayBuffer())
  }
}

function safeName(name: string): string {
  const plain = name.replace(/[\u0000-\u001f/\\:*?"<>|]/g, '_').replace(/^\.+|[. ]+$/g, '')
  return plain.length > LONGEST_NAME ? plain.slice(-LONGEST_NAME) : plain || 'file'
}
