// A tiny language model that knows a few answers by heart, made by training/fixture_writer.py, and what transformers says that it says.
import { readFileSync } from 'node:fs'
import { WRITER } from '../../src/shared/sources'

const read = (path: string) => readFileSync(new URL(`fixtures/writer-tiny/${path}`, import.meta.url))

/** Path within the repository → bytes. */
export const writerFiles: Readonly<Record<string, Buffer>> = Object.fromEntries(WRITER.files.map(({ path }) => [path, read(path)]))

/** The same as files of a hub. */
export const writerOnHub: Readonly<Record<string, Buffer>> = Object.fromEntries(Object.entries(writerFiles).map(([path, bytes]) => [`${WRITER.repo}/${path}`, bytes]))

/** What is asked, with the ids of the whole prompt, and the likeliest answer. */
export interface WriterCase {
  words: string
  prompt_ids: number[]
  ids: number[]
  text: string
}

const { cases } = JSON.parse(read('reference.json').toString()) as { cases: WriterCase[] }
export const writerCases: readonly WriterCase[] = cases
