// A browser profile of an older version of the page: its contents, how it is unpacked, and how the storage of a page is read.
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdtempSync, readFileSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Page } from 'playwright'
import type { ClipRecord } from '../../src/shared/record'
import type { GenerateRequest } from '../../src/shared/request'
import type { StoredQueue } from '../../src/shared/worker-apis'
import { ModelHub } from './model-hub'
import { tinyLtx, tinyT5, tinyTokenizer } from './tiny-ltx'

/** The port of the pages of all profiles: a browser stores the files of each port separately. */
export const PROFILE_PORT = 4455

/** A file of the page's private file system. */
export interface StoredFile {
  path: string
  bytes: number
  sha256: string
}

/** The contents of a profile. */
export interface ProfileContents {
  /** of package.json */
  version: string
  /** without a slash at its end */
  origin: string
  /** newest first */
  library: (Pick<ClipRecord, 'id' | 'file' | 'request'> & { framesSha256: string })[]
  /** the draft in the form */
  draft: GenerateRequest
  /** `step`: the last saved step; 0: none. A running job may be further. */
  queue: { id: string; status: string; request: GenerateRequest; step: number }[]
  /** catalogue entries that are downloaded and verified */
  downloads: string[]
  model: { id: string; name: string; encoder: string }
  files: StoredFile[]
  /** prompts, newest first */
  history: string[]
  theme: string
  mirror: string
  /** the user's image, with which a clip and the form begin */
  picture: { id: string; name: string }
  /** files of the profile that are generated again instead of packed */
  remade: { path: string; sha256: string; modifiedMs: number }[]
}

/** The hub that the profile's model came from. */
export function profileHub(): ModelHub {
  return new ModelHub({ 'ltxv-2b-0.9.8-distilled.safetensors': tinyLtx(), 't5xxl_fp8_e4m3fn.safetensors': tinyT5(), 'tokenizer.json': tinyTokenizer })
}

/** Unpacks a profile of the fixtures into a new folder. */
export function unpackProfile(name: string): { folder: string; contents: ProfileContents } {
  const fixture = (ending: string) => fileURLToPath(new URL(`fixtures/${name}${ending}`, import.meta.url))
  const contents = JSON.parse(readFileSync(fixture('.json'), 'utf8')) as ProfileContents
  const folder = mkdtempSync(join(tmpdir(), `kinora-${name}-`))
  execFileSync('tar', ['-xzf', fixture('.tar.gz'), '-C', folder])
  for (const { path, sha256, modifiedMs } of contents.remade) {
    const bytes = tinyLtx()
    if (hashOf(bytes) !== sha256) throw new Error('tinyLtx() returns other bytes than those of the profile.')
    writeFileSync(join(folder, path), bytes)
    utimesSync(join(folder, path), modifiedMs / 1000, modifiedMs / 1000)
  }
  return { folder, contents }
}

export function hashOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}

/** The library's records as stored in the database, newest first. */
export async function readLibrary(page: Page): Promise<ProfileContents['library']> {
  return page.evaluate(async () => {
    const open = indexedDB.open('kinora')
    await new Promise((done) => (open.onsuccess = done))
    const all = open.result.transaction('clips').objectStore('clips').getAll() as IDBRequest<ClipRecord[]>
    await new Promise((done) => (all.onsuccess = done))
    open.result.close()
    return all.result
      .toSorted((a, b) => b.createdAtMs - a.createdAtMs)
      .map(({ id, file, request, report }) => ({ id, file, request, framesSha256: report.framesSha256 }))
  })
}

/** The queues of all tabs, as they lie in the database. */
export async function readQueues(page: Page): Promise<StoredQueue[]> {
  return page.evaluate(async () => {
    // opening would make an empty database
    if (!(await indexedDB.databases()).some(({ name }) => name === 'kinora')) return []
    const open = indexedDB.open('kinora')
    await new Promise((done) => (open.onsuccess = done))
    const all = open.result.transaction('queues').objectStore('queues').getAll() as IDBRequest<StoredQueue[]>
    await new Promise((done) => (all.onsuccess = done))
    open.result.close()
    return all.result
  })
}

/** Everything in localStorage, parsed, and every file of the private file system that is not being written. */
export async function readStorage(page: Page): Promise<{ local: Record<string, unknown>; files: StoredFile[] }> {
  return page.evaluate(async () => {
    const files: StoredFile[] = []
    const look = async (folder: FileSystemDirectoryHandle, above: string): Promise<void> => {
      for await (const [name, entry] of folder.entries()) {
        const path = `${above}${name}`
        if (entry.kind === 'directory') await look(entry as FileSystemDirectoryHandle, `${path}/`)
        else if (!name.endsWith('.crswap')) {
          const bytes = await (await (entry as FileSystemFileHandle).getFile()).arrayBuffer()
          const hash = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes))
          files.push({ path, bytes: bytes.byteLength, sha256: [...hash].map((byte) => byte.toString(16).padStart(2, '0')).join('') })
        }
      }
    }
    await look(await navigator.storage.getDirectory(), '')
    const local = Object.fromEntries(Object.entries(localStorage).map(([key, text]) => [key, JSON.parse(text as string) as unknown]))
    return { local, files: files.toSorted((a, b) => (a.path < b.path ? -1 : 1)) }
  })
}

/** The last saved step of each job, by its id. */
export async function readJobs(page: Page): Promise<Record<string, number>> {
  return page.evaluate(async () => {
    const steps: Record<string, number> = {}
    const jobs = await (await navigator.storage.getDirectory()).getDirectoryHandle('jobs', { create: true })
    for await (const [id, folder] of jobs.entries()) {
      const chunk = await (folder as FileSystemDirectoryHandle).getFileHandle('0').then(
        (file) => file.getFile(),
        () => null,
      )
      if (chunk) steps[id] = new DataView(await chunk.slice(0, 4).arrayBuffer()).getUint32(0, true)
    }
    return steps
  })
}
