// The downloads API with a test's own sources and chunk size, and functions that read and damage its files.
import { expose } from 'comlink'
import type { DownloadState } from '../../../src/shared/worker-apis'
import { registerErrorTransfer } from '../../../src/shared/error-transfer'
import type { CatalogueEntry } from '../../../src/shared/model-catalogue'
import { readJournal } from '../../../workers/storage/download-store'
import { DownloadFile, type DownloadTarget } from '../../../workers/weights/download-file'
import type { DownloadOptions } from '../../../workers/weights/download-run'
import { openDownloads } from '../../../workers/weights/downloads'
import { sha256Hex } from '../../../workers/weights/sha256'
import { openDownloadedSource } from '../../../workers/weights/downloaded-source'

registerErrorTransfer()

const signal = new AbortController().signal
let downloads = openDownloads()

const harness = {
  open(sources: CatalogueEntry[], options: DownloadOptions): void {
    downloads = openDownloads(sources, options)
  },
  list: () => downloads.list(),
  download: (source: string, baseUrl: string | null, onState: (state: DownloadState) => void) => downloads.download(source, baseUrl, onState),
  verify: (source: string, onState: (state: DownloadState) => void) => downloads.verify(source, onState),
  pause: (source: string) => downloads.pause(source),
  remove: (source: string) => downloads.remove(source),
  space: () => downloads.space(),

  /** SHA-256 of what a loader reads, and of its bytes `start` to `end` */
  async stored(source: string, path: string, start: number, end: number) {
    const file = await openDownloadedSource(signal, source, path)
    return { sha256: file.sha256, read: await sha256Hex(await file.read(signal, 0, file.bytes)), part: [...(await file.read(signal, start, end))] }
  },

  /** Reads a range of a file that need not be downloaded. @returns also the bytes that are downloaded afterwards */
  async readPart(target: DownloadTarget, start: number, end: number) {
    const file = await DownloadFile.open(signal, target)
    try {
      const bytes = await file.read(signal, start, end)
      return { sha256: await sha256Hex(bytes), downloaded: file.downloadedBytes }
    } finally {
      file.close()
    }
  },

  /** Flips a bit in the n-th stored chunk. @returns the index of that chunk */
  async flip(source: string, path: string, nth: number): Promise<number> {
    const journal = await readJournal(source, path)
    const chunk = [...(journal?.present ?? [])][nth]
    if (!journal || chunk === undefined) throw new Error(`${path} has no chunk to flip`)
    const folder = await (await (await navigator.storage.getDirectory()).getDirectoryHandle('downloads')).getDirectoryHandle(source)
    const handle = await (await folder.getFileHandle(encodeURIComponent(path))).createSyncAccessHandle()
    const at = chunk * journal.header.chunkBytes + 11
    const byte = new Uint8Array(1)
    handle.read(byte, { at })
    byte[0]! ^= 16
    handle.write(byte, { at })
    handle.close()
    return chunk
  },
}

export type DownloadHarness = typeof harness

expose(harness)
