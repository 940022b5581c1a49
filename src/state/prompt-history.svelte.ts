import { readStored, writeStored } from './stored'

/** Prompts that are kept: about as many as a person still looks through. */
const MOST = 500

/** The prompts that clips were made with on this machine, newest first, each once. Kept across reloads. */
class PromptHistory {
  prompts = $state.raw<readonly string[]>([])

  constructor() {
    const stored = readStored('prompts')
    if (Array.isArray(stored)) this.prompts = stored.filter((entry) => typeof entry === 'string').slice(0, MOST)
  }

  add(prompt: string): void {
    const words = prompt.trim()
    if (words !== '') this.#keep([words, ...this.prompts.filter((entry) => entry !== words)].slice(0, MOST))
  }

  remove(prompt: string): void {
    this.#keep(this.prompts.filter((entry) => entry !== prompt))
  }

  clear(): void {
    this.#keep([])
  }

  /** Those that have every word of the query, in any case and order; all for an empty one. */
  find(query: string): readonly string[] {
    const words = query.toLowerCase().split(/\s+/).filter(Boolean)
    return this.prompts.filter((prompt) => words.every((word) => prompt.toLowerCase().includes(word)))
  }

  #keep(prompts: readonly string[]): void {
    this.prompts = prompts
    writeStored('prompts', prompts)
  }
}

export const promptHistory = new PromptHistory()
