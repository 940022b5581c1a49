// What a text encoder makes of prompts. Plain data: it crosses between workers.

/** One prompt's embeds, f32 [L, E]. */
export interface Embeds {
  values: Float32Array<ArrayBuffer>
  /** L */
  tokens: number
  /** E */
  width: number
  /** the part of the prompt that was read; shorter where the prompt has more tokens than the encoder takes */
  usedPrompt: string
}

/** The embeds of a generation: the prompt's, and with classifier-free guidance those to steer away from. */
export interface PromptEmbeds {
  positive: Embeds
  negative?: Embeds
}
