// Formats of quantities. All pure.

/** 12 → "12 B", 3_400_000 → "3.4 MB" (decimal units, as file managers show). */
export function formatBytes(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB']
  const power = bytes < 1 ? 0 : Math.min(units.length - 1, Math.floor(Math.log10(bytes) / 3))
  const value = bytes / 1000 ** power
  return `${value < 10 && power > 0 ? value.toFixed(1) : Math.round(value)} ${units[power]}`
}

/** Duration of a clip: 2.125 → "2.1 s", 2 → "2 s". */
export function formatSeconds(seconds: number): string {
  return `${Number(seconds.toFixed(1))} s`
}

/** An elapsed time: 340 → "340 ms", 4200 → "4.2 s", 65_000 → "1 min 5 s". */
export function formatDuration(milliseconds: number): string {
  if (milliseconds < 1000) return `${Math.round(milliseconds)} ms`
  const seconds = milliseconds / 1000
  if (seconds < 10) return `${seconds.toFixed(1)} s`
  if (seconds < 60) return `${Math.round(seconds)} s`
  const whole = Math.round(seconds)
  return whole % 60 === 0 ? `${whole / 60} min` : `${Math.floor(whole / 60)} min ${whole % 60} s`
}

/** Estimated time left, rounded because it is an estimate: 42 → "about 40 s left". */
export function formatTimeLeft(seconds: number): string {
  if (seconds < 3) return 'almost done'
  if (seconds < 20) return `about ${Math.round(seconds)} s left`
  if (seconds < 90) return `about ${Math.round(seconds / 5) * 5} s left`
  if (seconds < 5400) return `about ${Math.round(seconds / 60)} min left`
  return `about ${Number((seconds / 3600).toFixed(1))} h left`
}

/** Date and time in the language of the browser. */
export function formatDate(milliseconds: number): string {
  return new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' }).format(milliseconds)
}
