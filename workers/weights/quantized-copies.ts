// The quantized copies that were made of downloaded files: how large they are, and none without its download.
// A downloaded file's copies are made under its SHA-256 (kept-weights.ts); what was made of anything else is left alone here.
import { AppError } from '../../src/shared/errors'
import { listWeightsFiles, openWeightsFile, removeWeightsFile } from '../storage/weights-file'
import { blobSource } from './byte-source'
import { openTensorTable } from './tensor-table'

const SHA256 = /^[0-9a-f]{64}$/

/** Bytes of the copies of each file, in all formats, by the file's SHA-256. */
export async function copiedBytes(signal: AbortSignal): Promise<Map<string, number>> {
  const copied = new Map<string, number>()
  for (const { name, bytes } of await listWeightsFiles()) {
    const source = await copiedFrom(signal, name)
    if (source !== undefined && SHA256.test(source)) copied.set(source, (copied.get(source) ?? 0) + bytes)
  }
  return copied
}

/**
 * Removes copies of files that are gone, and what was begun and never finished. One that is being written stays.
 * @param present SHA-256 of the files that are here
 */
export async function removeOrphans(signal: AbortSignal, present: ReadonlySet<string>): Promise<void> {
  for (const { name } of await listWeightsFiles()) {
    const source = await copiedFrom(signal, name)
    if (source !== undefined && (!SHA256.test(source) || present.has(source))) continue
    await removeWeightsFile(name).catch(() => undefined) // a worker has it open: it is being written
  }
}

/** What a copy says that it was made of; undefined when it was not finished. */
async function copiedFrom(signal: AbortSignal, name: string): Promise<string | undefined> {
  const file = await openWeightsFile(name)
  try {
    return file && (await openTensorTable(signal, blobSource(name, file))).metadata['source']
  } catch (error) {
    if (error instanceof AppError && error.code === 'weights-corrupt') return undefined
    throw error
  }
}
