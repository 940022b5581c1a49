// Measures one row.
import type { Gpu } from '../../workers/engine/device'
import { relativeError } from '../gpu/reference'
import type { Ceiling } from './ceiling'
import type { OurSide } from './ours'
import { openPeer, type PeerRuntime } from './peer'
import { precisionOf, type Growth, type Row } from './row'
import { quantile, repetitionMs, type Side, takeTurns, type TurnLimits } from './turns'

/** A row of `--json`. */
export interface MeasuredRow {
  name: string
  shape: string
  precision: string
  /** ours */
  kernel: string
  oursMs: number
  oursP90Ms: number
  /** the peer's operators, or why it could not run */
  peer: string
  peerMs: number | null
  peerP90Ms: number | null
  /** the median of the ratios of each pair, peer's time / ours */
  ratio: number | null
  ratios: number[]
  goal: number | null
  /** √(Σ(ours − peer)²) / √(Σpeer²) of the compared values */
  difference: number | null
  /** the difference is within rounding */
  agrees: boolean
  gflops: number
  gbs: number
  /** least time at the ceilings / ours; by operations or by bytes, whichever takes longer */
  ceilingShare: number
  /** of a whole step */
  host?: HostShare
  grows?: Growth
}

/** CPU time and submits of a whole step. */
export interface HostShare {
  /** milliseconds until the whole step is submitted */
  ms: number
  /** of the step's time */
  share: number
  /** wanted maximum of the share; null where it is only reported */
  goal: number | null
  /** of a step */
  submits: number
  /** GPU time of the longest submit, milliseconds */
  longestSubmitMs: number
}

/** Opens both sides, compares their results, and times them in turns. */
export async function measureRow(gpu: Gpu, runtime: PeerRuntime, row: Row, ceiling: Ceiling, limits: TurnLimits): Promise<MeasuredRow> {
  const ours = await row.ours(gpu)
  let peer: Side | undefined
  try {
    const { fastest, failures } = await fastestPeer(gpu, runtime, row)
    peer = fastest
    const difference = peer ? await compare(ours, peer) : null
    const pairs = await takeTurns(ours, peer, limits)
    const oursMs = quantile(
      pairs.map((pair) => pair.oursMs),
      0.5,
    )
    const peerTimes = pairs.flatMap((pair) => pair.peerMs ?? [])
    const ratios = pairs.flatMap((pair) => (pair.peerMs === null ? [] : [pair.peerMs / pair.oursMs]))
    const median = (values: number[], q = 0.5) => (values.length ? quantile(values, q) : null)
    const allowedMs = Math.max(row.flops / ceiling.gflops, row.bytes / ceiling.gbs) / 1e6
    return {
      name: row.name,
      shape: row.shape,
      precision: precisionOf(row),
      kernel: ours.kernel,
      oursMs,
      oursP90Ms: quantile(
        pairs.map((pair) => pair.oursMs),
        0.9,
      ),
      peer: peer?.kernel ?? failures.join(' '),
      peerMs: median(peerTimes),
      peerP90Ms: median(peerTimes, 0.9),
      ratio: median(ratios),
      ratios,
      goal: row.goal?.[gpu.facts.software ? 'software' : 'gpu'] ?? null,
      difference,
      agrees: difference === null || difference <= row.tolerance,
      gflops: row.flops / oursMs / 1e6,
      gbs: row.bytes / oursMs / 1e6,
      ceilingShare: allowedMs / oursMs,
      ...(row.hostGoal && { host: hostShare(ours, oursMs, gpu.facts.software ? null : row.hostGoal.gpu) }),
      ...(row.grows && { grows: row.grows }),
    }
  } finally {
    await ours.close()
    await peer?.close()
  }
}

/** From the records of all runs: the difference of eight repetitions and of one. */
function hostShare({ records }: OurSide, stepMs: number, goal: number | null): HostShare {
  const typical = (repetitions: number, of: 'hostMs' | 'submits') =>
    quantile(
      records.filter((record) => record.repetitions === repetitions).map((record) => record[of]),
      0.5,
    )
  const ofStep = (of: 'hostMs' | 'submits') => (typical(8, of) - typical(1, of)) / 7
  const ms = ofStep('hostMs')
  return { ms, share: ms / stepMs, goal, submits: ofStep('submits'), longestSubmitMs: Math.max(...records.map((record) => record.longestSubmitMs)) }
}

/** Times each of the peer's implementations once, and closes all but the fastest. */
async function fastestPeer(gpu: Gpu, runtime: PeerRuntime, row: Row): Promise<{ fastest: Side | undefined; failures: string[] }> {
  let fastest: Side | undefined
  let leastMs = Infinity
  const failures: string[] = []
  const formats = await row.peers(gpu)
  for (const format of formats) {
    const peer = await openPeer(runtime, format, row.dtype)
    if ('reason' in peer) {
      failures.push(`${peer.kernel}: ${peer.reason}`)
      continue
    }
    const ms = formats.length > 1 ? await repetitionMs(peer) : 0
    const slower = ms < leastMs ? fastest : peer
    if (ms < leastMs) [fastest, leastMs] = [peer, ms]
    await slower?.close()
  }
  return { fastest, failures }
}

async function compare(ours: Side, peer: Side): Promise<number> {
  const mine = await ours.run(1)
  const theirs = await peer.run(1)
  return relativeError(mine, theirs.subarray(0, mine.length))
}
