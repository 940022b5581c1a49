// Levels of the first-block cache: values of GenerateRequest.cacheThreshold, measured with `npm run evaluate -- --first-block-cache 4`.

/** Selectable levels, from no caching to the most. */
export const CACHE_LEVELS = [
  { threshold: 0, name: 'Off' },
  { threshold: 0.1, name: 'Low' },
  { threshold: 0.2, name: 'High' },
] as const

/** Name of the level of a threshold; the threshold itself if it is not a level. Pure. */
export function cacheLevelName(threshold: number): string {
  return CACHE_LEVELS.find((level) => level.threshold === threshold)?.name ?? String(threshold)
}
