import { MOST } from '../shared/file-bounds'
import { readStored, writeStored } from './stored'

/** Maximum number of prompts. */
const MAX_PROMPTS = 500

/** Prompts of generated clips, newest first, without duplicates. Kept across reloads. */
class PromptHistory {
  prompts = $state.raw<readonly string[]>([])

  constructor() {
    const stored = readStored('prompts')
    if (Array.isArray(stored)) this.prompts = stored.filter((entry) => typeof entry === 'string' && entry.length <= MOST.promptCharacters).slice(0, MAX_PROMPTS)
  }

  add(prompt: string): void {
    const trimmed = prompt.trim()
    if (trimmed !== '') this.#save([trimmed, ...this.prompts.filter((entry) => entry !== trimmed)].slice(0, MAX_PROMPTS))
  }

  remove(prompt: string): void {
    this.#save(this.prompts.filter((entry) => entry !== prompt))
  }

  clear(): void {
    this.#save([])
  }

  /** Prompts that contain every word of the query, in any case and order; all for an empty query. */
  find(query: string): readonly string[] {
    const words = query.toLowerCase().split(/\s+/).filter(Boolean)
    return this.prompts.filter((prompt) => words.every((word) => prompt.toLowerCase().includes(word)))
  }

  #save(prompts: readonly string[]): void {
    this.prompts = prompts
    writeStored('prompts', prompts)
  }
}

export const promptHistory = new PromptHistory()
