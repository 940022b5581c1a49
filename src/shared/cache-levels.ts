// Reuse between steps, as a person chooses it: thresholds of GenerateRequest.cacheThreshold. `npm run evaluate -- --reuse 4` measures them.

/** The choices, from nothing to the most. */
export const CACHE_LEVELS = [
  { threshold: 0, name: 'Off' },
  { threshold: 0.1, name: 'A little' },
  { threshold: 0.2, name: 'A lot' },
] as const

/** A threshold's name, or itself where it is none of the choices. Pure. */
export function cacheLevelName(threshold: number): string {
  return CACHE_LEVELS.find((level) => level.threshold === threshold)?.name ?? String(threshold)
}
