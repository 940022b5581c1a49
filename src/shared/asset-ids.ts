// Ids of pictures and videos of the user's own: the SHA-256 of the file, in hex.

const ID = /(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])/g

/** Ids that stand anywhere in a value, in whatever shape another version has given it: what is named is never deleted. Pure. */
export function assetIdsIn(value: unknown): string[] {
  const text = JSON.stringify(value) as string | undefined
  return [...new Set(text?.match(ID))]
}
