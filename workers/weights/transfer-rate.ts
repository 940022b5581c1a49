// How fast bytes come, over the last seconds: steady enough to be read, quick to notice a change.

/** Milliseconds that are looked back on, and how many of them must have passed before anything is said. */
const WINDOW_MS = 5000
const SETTLE_MS = 500

/** Counts bytes as they come. */
export class TransferRate {
  /** what came when, oldest first */
  private arrivals: { atMs: number; bytes: number }[] = []

  /** @param nowMs a clock that only goes forwards */
  add(bytes: number, nowMs: number): void {
    const last = this.arrivals.at(-1)
    // pieces come by the thousand: a tenth of a second is fine enough
    if (last && this.arrivals.length > 1 && nowMs - last.atMs < 100) last.bytes += bytes
    else this.arrivals.push({ atMs: nowMs, bytes })
  }

  /** Bytes a second; null while it cannot be told. */
  bytesPerSecond(nowMs: number): number | null {
    this.arrivals = this.arrivals.filter(({ atMs }) => nowMs - atMs <= WINDOW_MS)
    const first = this.arrivals[0]
    if (!first || nowMs - first.atMs < SETTLE_MS) return null
    // the first arrival begins the time; its own bytes came before
    const bytes = this.arrivals.slice(1).reduce((sum, arrival) => sum + arrival.bytes, 0)
    return (bytes * 1000) / (nowMs - first.atMs)
  }
}

/** Seconds until the rest is here; null when that cannot be told. */
export function secondsLeft(restBytes: number, bytesPerSecond: number | null): number | null {
  if (restBytes <= 0) return 0
  return bytesPerSecond ? restBytes / bytesPerSecond : null
}
