// Pictures and videos that a person has given to a clip: assets/<SHA-256 of the file>/<its name> in this origin's private file system,
// so that a clip can be made again when the file itself is gone.
import { sha256 } from '@noble/hashes/sha2.js'
import { bytesToHex } from '@noble/hashes/utils.js'
import { assetIdsIn } from '../../src/shared/asset-ids'
import { AppError } from '../../src/shared/errors'
import { withRecords } from './library'
import { isNotFound } from './not-found'

const lockName = (id: string) => `kinora asset ${id}`
/** files that this worker has kept or opened */
const held = new Map<string, Promise<void>>()

const PIECE_BYTES = 2 ** 22
/** OPFS takes names like those of most file systems. */
const LONGEST_NAME = 120

/** A file that is kept. */
export interface Asset {
  /** SHA-256 of its bytes, in hex */
  id: string
  name: string
  file: File
}

/**
 * Copies a file into the app's storage, unless the same bytes are there.
 * @throws DOMException QuotaExceededError; AbortError
 */
export async function keepAsset(signal: AbortSignal, file: File): Promise<Asset> {
  const id = await hashOf(signal, file)
  await hold(id)
  const kept = await find(id)
  if (kept?.file.size === file.size) return kept
  const folder = await (await openFolder()).getDirectoryHandle(id, { create: true })
  const entry = await folder.getFileHandle(safeName(file.name), { create: true })
  const handle = await entry.createSyncAccessHandle()
  try {
    handle.truncate(0)
    let at = 0
    for await (const piece of pieces(signal, file)) at += handle.write(piece, { at })
    handle.flush()
    if (at !== file.size) throw new DOMException(`Only ${at} of ${file.size} bytes were written.`, 'QuotaExceededError')
  } catch (error) {
    handle.close()
    await removeAsset(id)
    throw error
  }
  handle.close()
  return { id, name: entry.name, file: await entry.getFile() }
}

/** A file that was kept. @throws AppError not-found */
export async function openAsset(id: string): Promise<Asset> {
  await hold(id)
  const asset = await find(id)
  if (asset) return asset
  throw new AppError('not-found', `A picture or video that this clip is made around (${id.slice(0, 8)}…) is not here any more: choose it again.`, { id })
}

/**
 * Removes files that nothing names: no clip of the library, and none of `named`. One that a living worker has kept or opened is in its
 * page's hand, and stays.
 * @param beforeMs since the epoch: one that was written later stays, too
 * @returns how many were removed
 */
export async function sweepAssets(named: readonly string[], beforeMs: number): Promise<number> {
  let removed = 0
  for (const id of await listAssets()) {
    const written = (await find(id))?.file.lastModified ?? 0
    if (named.includes(id) || written >= beforeMs) continue
    await navigator.locks.request(lockName(id), { ifAvailable: true }, async (lock) => {
      // looked for under the lock: a clip may have been finished meanwhile
      if (!lock || assetIdsIn(await withRecords(async (open) => (await open.list()).map(({ request }) => request))).includes(id)) return
      await removeAsset(id)
      removed++
    })
  }
  return removed
}

/** Holds a file for as long as this worker lives. Several workers may hold it; who sweeps waits for none. */
function hold(id: string): Promise<void> {
  const holding = held.get(id) ?? new Promise<void>((begun, failed) => {
    navigator.locks
      .request(lockName(id), { mode: 'shared' }, () => {
        begun()
        return new Promise<never>(() => undefined)
      })
      .catch(failed)
  })
  held.set(id, holding)
  return holding
}

async function removeAsset(id: string): Promise<void> {
  try {
    await (await openFolder()).removeEntry(id, { recursive: true })
  } catch (error) {
    if (!isNotFound(error)) throw error
  }
}

async function listAssets(): Promise<string[]> {
  const ids: string[] = []
  for await (const id of (await openFolder()).keys()) ids.push(id)
  return ids
}

async function find(id: string): Promise<Asset | undefined> {
  try {
    for await (const [name, entry] of (await (await openFolder()).getDirectoryHandle(id)).entries()) {
      if (entry.kind === 'file') return { id, name, file: await (entry as FileSystemFileHandle).getFile() }
    }
  } catch (error) {
    if (!isNotFound(error)) throw error
  }
  return undefined
}

async function openFolder(): Promise<FileSystemDirectoryHandle> {
  return (await navigator.storage.getDirectory()).getDirectoryHandle('assets', { create: true })
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
