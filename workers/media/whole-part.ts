// Where a video ends that was cut off or damaged: found by decoding it once, when it is chosen, and not in the middle of a job.
import { ALL_FORMATS, BlobSource, EncodedPacketSink, Input, type InputVideoTrack } from 'mediabunny'
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
/** A file's own length may differ from that of its frames by this. */
const ROUNDING_SECONDS = 0.25

/**
 * Decodes a video from its start on until a frame fails.
 * @throws AppError unreadable-media when not one frame can be decoded; AbortError
 */
export async function wholePart(signal: AbortSignal, file: Blob, name: string): Promise<WholePart> {
  const input = new Input({ source: new BlobSource(file), formats: ALL_FORMATS })
  try {
    const track = await openTrack(input, file, name)
    const { spans } = await readTimeline(track, file)
    const seconds = secondsOf(spans)
    const said = (await track.getDurationFromMetadata()) ?? 0
    const end = await decodableUntil(signal, track, spans)
    const whole = end === undefined ? seconds : secondsUntil(spans, end)
    if (!(whole > 0)) throw unreadable(name, 'a damaged file: its first frame cannot be decoded')
    // a header may promise more than there is: of a recording that was cut off
    const ofSeconds = spans.length === 1 && said - seconds > ROUNDING_SECONDS ? said : seconds
    return { seconds: whole, ofSeconds }
  } finally {
    input.dispose()
  }
}

/** The time of packets up to which every frame can be decoded; undefined: all of them, as far as was looked. */
async function decodableUntil(signal: AbortSignal, track: InputVideoTrack, spans: readonly Span[]): Promise<number | undefined> {
  const config = await track.getDecoderConfig()
  if (!config) return undefined
  const last = Math.max(...spans.map(({ at, seconds }) => at + seconds))
  const deadline = performance.now() + MAX_CHECK_MS
  let end = -Infinity
  let failed = false
  const decoder = new VideoDecoder({
    output(frame) {
      end = Math.max(end, (frame.timestamp + (frame.duration ?? 0)) / 1e6)
      frame.close()
    },
    error: () => (failed = true),
  })
  try {
    decoder.configure(config)
    for await (const packet of new EncodedPacketSink(track).packets(undefined, undefined, { verifyKeyPackets: true })) {
      signal.throwIfAborted()
      if (failed || decoder.state !== 'configured' || packet.timestamp >= last) break
      if (performance.now() > deadline) return undefined
      decoder.decode(packet.toEncodedVideoChunk())
      while (decoder.decodeQueueSize > MAX_QUEUE && !failed) await new Promise((resolve) => decoder.addEventListener('dequeue', resolve, { once: true }))
    }
    await decoder.flush()
  } catch {
    signal.throwIfAborted()
    failed = true // a packet that is not there, or that the decoder does not take
    if (decoder.state === 'configured') await decoder.flush().catch(() => undefined)
  } finally {
    if (decoder.state !== 'closed') decoder.close()
  }
  return failed ? end : undefined
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
