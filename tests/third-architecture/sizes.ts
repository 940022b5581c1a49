/** Sizes of the third architecture's model: latents of `channels`, pixels and frames of a latent, patches, transformer, vocabulary. */
export const SIZES = { channels: 4, scaleSpace: 8, scaleTime: 4, patch: 2, width: 32, heads: 2, blocks: 2, vocabulary: 64, textWidth: 16 } as const
