// Where a video ends that was cut off or damaged: found by decoding it once, when it is chosen, and not in the middle of a job.
import { ALL_FORMATS, BlobSource, EncodedPacketSink, Input, VideoSampleSink, type EncodedPacket, type InputVideoTrack } from 'mediabunny'
import { openTrack, readTimeline, unreadable } from './read-clip'
import { secondsOf, type Span } from './timeline'

/** How much of a video can be used. */
export interface WholePart {
  /** from its start on, up to where it is cut off or damaged */
  seconds: number
  /** of the whole video, as the file says; equal if nothing is missing */
  ofSeconds: number
}

/** Chunks that may wait in the decoder. */
const MAX_QUEUE = 8
/** Decoding ends after this, and the rest is taken to be whole: an hour of video would take minutes. Milliseconds. */
const MAX_CHECK_MS = 20_000
/** Less than any frame is shown. */
const SHORTEST_SECONDS = 1e-3
/** A file's own length may differ from that of its frames by this. */
const ROUNDING_SECONDS = 0.25

/**
 * Decodes a video from its start on until a frame fails.
 * @throws AppError unreadable-media when not one frame can be decoded, or frames that can are behind one that cannot; AbortError
 */
export async function wholePart(signal: AbortSignal, file: Blob, name: string): Promise<WholePart> {
  const input = new Input({ source: new BlobSource(file), formats: ALL_FORMATS })
  try {
    const track = await openTrack(input, file, name)
    const { spans } = await readTimeline(track, file)
    const seconds = secondsOf(spans)
    const said = (await track.getDurationFromMetadata()) ?? 0
    const config = await track.getDecoderConfig()
    const end = Math.max(...spans.map((span) => span.at + span.seconds))
    const run = (most: number) => decodePackets(signal, track, config ?? { codec: '' }, end, most)
    let all = await run(Infinity)
    if (all.end === -Infinity && (await firstFrameIsRead(track, spans))) return { seconds, ofSeconds: seconds }
    if (all.failed) {
      // the first packet that fails: those before it give all their frames when no other follows
      let [good, bad] = [0, all.fed]
      while (bad - good > 1) {
        const middle = (good + bad) >> 1
        if ((await run(middle)).failed) bad = middle
        else good = middle
      }
      const behind = all.fed > bad || !all.atEnd
      all = await run(good)
      if (behind) throw unreadable(name, `a damaged file: it cannot be decoded from ${Math.max(0, secondsUntil(spans, all.end)).toFixed(2)} s on`)
    }
    // an index may list packets that are behind the end of the file
    const whole = all.atEnd && !all.failed && all.packetEnd >= end - SHORTEST_SECONDS ? seconds : secondsUntil(spans, all.end)
    if (!(whole > 0)) throw unreadable(name, 'a damaged file: its first frame cannot be decoded')
    // a header may promise more than there is: of a recording that was cut off
    const ofSeconds = spans.length === 1 && said - seconds > ROUNDING_SECONDS ? said : seconds
    return { seconds: whole, ofSeconds }
  } finally {
    input.dispose()
  }
}

/** Whether mediabunny decodes the first frame: it mends packets that a decoder does not take as they are. */
async function firstFrameIsRead(track: InputVideoTrack, spans: readonly Span[]): Promise<boolean> {
  try {
    const sample = await new VideoSampleSink(track).getSample(spans[0]?.at ?? 0)
    sample?.close()
    return sample !== null
  } catch {
    return false
  }
}

/** What became of packets that were decoded. */
interface Decoded {
  /** packets that the decoder was given */
  fed: number
  /** whether there was no further packet */
  atEnd: boolean
  /** whether one could not be decoded */
  failed: boolean
  /** where the last frame and the last packet end, in the times of packets */
  end: number
  packetEnd: number
}

/**
 * Decodes packets from the start of a track on.
 * @param until time of packets from which on nothing is shown
 * @param most packets
 */
async function decodePackets(signal: AbortSignal, track: InputVideoTrack, config: VideoDecoderConfig, until: number, most: number): Promise<Decoded> {
  const deadline = performance.now() + MAX_CHECK_MS
  const decoded: Decoded = { fed: 0, atEnd: false, failed: false, end: -Infinity, packetEnd: -Infinity }
  const decoder = new VideoDecoder({
    output(frame) {
      decoded.end = Math.max(decoded.end, (frame.timestamp + (frame.duration ?? 0)) / 1e6)
      frame.close()
    },
    error: () => (decoded.failed = true),
  })
  try {
    decoder.configure(config)
    const packets = new EncodedPacketSink(track)
    let packet = await packets.getFirstPacket()
    // where the bytes of a packet are not there, the file ends
    const next = (after: EncodedPacket) => packets.getNextPacket(after).catch(() => null)
    for (; packet && decoded.fed < most && !decoded.failed; packet = await next(packet)) {
      signal.throwIfAborted()
      if (decoded.fed === 0 && packet.type !== 'key') continue
      if (performance.now() > deadline) return { ...decoded, atEnd: true, end: until, packetEnd: until }
      if (packet.timestamp < until) decoder.decode(packet.toEncodedVideoChunk())
      decoded.packetEnd = Math.max(decoded.packetEnd, packet.timestamp + packet.duration)
      decoded.fed++
      while (decoder.decodeQueueSize > MAX_QUEUE && !decoded.failed) await dequeued(decoder)
    }
    decoded.atEnd = packet === null
    await decoder.flush()
  } catch {
    signal.throwIfAborted()
    decoded.failed = true // a packet whose bytes are not there, or that the decoder does not take
  } finally {
    if (decoder.state !== 'closed') decoder.close()
  }
  return decoded
}

/** Resolves when the decoder takes a chunk from its queue, or fails. */
function dequeued(decoder: VideoDecoder): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, 200) // one that failed takes nothing
    decoder.addEventListener('dequeue', () => (clearTimeout(timer), resolve()), { once: true })
  })
}

/** Seconds of the presentation before a time of packets. Pure. */
function secondsUntil(spans: readonly Span[], end: number): number {
  let whole = 0
  for (const { at, seconds } of spans) {
    const here = Math.min(seconds, Math.max(0, end - at))
    whole += here
    if (here < seconds) break
  }
  return whole
}
