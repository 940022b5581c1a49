// The transfer rate over the last seconds: steady enough to read, and quick to follow a change.

/** The averaging window, and the time that must pass before a rate is given; milliseconds. */
const WINDOW_MS = 5000
const SETTLE_MS = 500

/** Counts bytes as they arrive. */
export class TransferRate {
  /** oldest first */
  private arrivals: { atMs: number; bytes: number }[] = []

  /** @param nowMs of a monotonic clock */
  add(bytes: number, nowMs: number): void {
    const last = this.arrivals.at(-1)
    // network reads come by the thousand: merge those within a tenth of a second
    if (last && this.arrivals.length > 1 && nowMs - last.atMs < 100) last.bytes += bytes
    else this.arrivals.push({ atMs: nowMs, bytes })
  }

  /** Bytes per second; null while it is not known. */
  bytesPerSecond(nowMs: number): number | null {
    this.arrivals = this.arrivals.filter(({ atMs }) => nowMs - atMs <= WINDOW_MS)
    const first = this.arrivals[0]
    if (!first || nowMs - first.atMs < SETTLE_MS) return null
    // the first arrival starts the interval; its own bytes came before
    const bytes = this.arrivals.slice(1).reduce((sum, arrival) => sum + arrival.bytes, 0)
    return (bytes * 1000) / (nowMs - first.atMs)
  }
}

/** Seconds until the rest is downloaded; null if the rate is not known. */
export function secondsLeft(restBytes: number, bytesPerSecond: number | null): number | null {
  if (restBytes <= 0) return 0
  return bytesPerSecond ? restBytes / bytesPerSecond : null
}
