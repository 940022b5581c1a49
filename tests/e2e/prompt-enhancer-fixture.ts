// A tiny language model that knows a few answers by heart, made by training/fixture_writer.py, and what transformers says that it says.
import { readFileSync } from 'node:fs'
import { PROMPT_ENHANCER } from '../../src/shared/model-catalogue'

const read = (path: string) => readFileSync(new URL(`fixtures/writer-tiny/${path}`, import.meta.url))

/** Path within the repository → bytes. */
export const enhancerFiles: Readonly<Record<string, Buffer>> = Object.fromEntries(PROMPT_ENHANCER.files.map(({ path }) => [path, read(path)]))

/** The same as files of a hub. */
export const enhancerOnHub: Readonly<Record<string, Buffer>> = Object.fromEntries(
  Object.entries(enhancerFiles).map(([path, bytes]) => [`${PROMPT_ENHANCER.repo}/${path}`, bytes]),
)

/** What is asked, with the ids of the whole prompt, and the likeliest answer. */
export interface EnhancerCase {
  words: string
  prompt_ids: number[]
  ids: number[]
  text: string
}

const { cases } = JSON.parse(read('reference.json').toString()) as { cases: EnhancerCase[] }
export const enhancerCases: readonly EnhancerCase[] = cases
