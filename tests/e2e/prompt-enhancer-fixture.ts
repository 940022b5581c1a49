// A tiny language model that has memorized a few answers, made by training/fixture_writer.py, and the answers that transformers generates.
import { readFileSync } from 'node:fs'
import { PROMPT_ENHANCER } from '../../src/shared/model-catalogue'

const read = (path: string) => readFileSync(new URL(`fixtures/writer-tiny/${path}`, import.meta.url))

/** Path within the repository → bytes. */
export const enhancerFiles: Readonly<Record<string, Buffer>> = Object.fromEntries(PROMPT_ENHANCER.files.map(({ path }) => [path, read(path)]))

/** The same as files of a hub. */
export const enhancerOnHub: Readonly<Record<string, Buffer>> = Object.fromEntries(
  Object.entries(enhancerFiles).map(([path, bytes]) => [`${PROMPT_ENHANCER.repo}/${path}`, bytes]),
)

/** The user's words, the ids of the whole prompt, and the greedy answer. */
export interface EnhancerCase {
  words: string
  prompt_ids: number[]
  ids: number[]
  text: string
}

const { cases } = JSON.parse(read('reference.json').toString()) as { cases: EnhancerCase[] }
export const enhancerCases: readonly EnhancerCase[] = cases
