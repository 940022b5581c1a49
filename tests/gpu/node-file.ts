// Local files behind the interfaces of OPFS files in a worker.
import { closeSync, fstatSync, fsyncSync, openSync, readSync, writeSync } from 'node:fs'
import { basename } from 'node:path'
import type { ByteSink } from '../../workers/storage/weights-file'
import type { ByteSource } from '../../workers/weights/byte-source'

/** A file that is read in pieces; `reads` lists the pieces. */
export function nodeSource(path: string, reads: [start: number, end: number][] = []): ByteSource {
  const file = openSync(path, 'r')
  return {
    name: basename(path),
    bytes: fstatSync(file).size,
    async read(signal, start, end) {
      await Promise.resolve()
      signal.throwIfAborted()
      reads.push([start, end])
      const bytes = new Uint8Array(end - start)
      if (readSync(file, bytes, 0, bytes.length, start) !== bytes.length) throw new Error(`${path}: expected bytes ${start} to ${end}, got fewer.`)
      return bytes
    },
  }
}

/** A new file for writing on a disk with `freeBytes` free bytes. */
export function nodeSink(path: string, freeBytes = Infinity): ByteSink {
  const file = openSync(path, 'w')
  return {
    write(bytes, position) {
      if (position + bytes.length > freeBytes) throw new DOMException('The disk is full.', 'QuotaExceededError')
      writeSync(file, bytes, 0, bytes.length, position)
    },
    flush: () => fsyncSync(file),
    close: () => closeSync(file),
  }
}
