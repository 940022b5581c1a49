// Encoded packets → a WebM file, written as a stream: only the cue list (a few numbers every two seconds) stays in memory.
import { Muxer, StreamTarget } from 'webm-muxer'
import type { Codec } from './encode'
import { patchesFor, tagsElement } from './webm-tags'

/** Writes bytes at a position of the file, or throws. Later calls may overwrite earlier bytes. */
export type WriteAt = (bytes: Uint8Array, position: number) => void

/** A clip's video track: size in pixels, fps in frames per second. */
export interface WebmTrack {
  codec: Codec
  width: number
  height: number
  fps: number
}

/** A WebM file being written. */
export interface WebmWriter {
  /** one packet, in time order; `timestampUs` in microseconds from 0 */
  add(bytes: Uint8Array, type: EncodedVideoChunkType, timestampUs: number, metadata?: EncodedVideoChunkMetadata): void
  /**
   * Writes cues, duration and a tag.
   * @returns the file's length in bytes
   */
  finish(durationSeconds: number, tag?: { name: string; value: string }): number
}

const MATROSKA_NAMES = { vp9: 'V_VP9', av1: 'V_AV1', vp8: 'V_VP8' } as const satisfies Record<Codec, string>

/** Starts a seekable WebM with one video track. */
export function startWebm(track: WebmTrack, write: WriteAt): WebmWriter {
  let length = 0
  let header: Uint8Array | undefined
  const target = new StreamTarget({
    onData(bytes, position) {
      if (position === 0) header = bytes.slice()
      write(bytes, position)
      length = Math.max(length, position + bytes.length)
    },
  })
  const muxer = new Muxer({
    target,
    video: { codec: MATROSKA_NAMES[track.codec], width: track.width, height: track.height, frameRate: track.fps },
  })

  return {
    add(bytes, type, timestampUs, metadata) {
      muxer.addVideoChunkRaw(bytes, type, timestampUs, safeMetadata(metadata, track.codec))
    },
    finish(durationSeconds, tag) {
      muxer.finalize()
      const durationAt = header && findDuration(header)
      // the muxer's duration ends where the last frame begins, and players would not show that frame (a still has length 0)
      if (!header || durationAt === undefined) throw new Error('Expected a duration in the WebM header, found none.')
      const milliseconds = new DataView(new ArrayBuffer(8))
      milliseconds.setFloat64(0, durationSeconds * 1000)
      write(new Uint8Array(milliseconds.buffer), durationAt)
      if (!tag) return length
      const tags = tagsElement(tag.name, tag.value)
      const tagsAt = length
      length += tags.length
      write(tags, tagsAt)
      for (const { bytes, position } of patchesFor(header, tagsAt, length)) write(bytes, position)
      return length
    },
  }
}

/** Offset of the eight bytes of the header's Duration: EBML id 0x4489, size 8. */
function findDuration(header: Uint8Array): number | undefined {
  for (let at = 0; at + 11 <= header.length; at++) {
    if (header[at] === 0x44 && header[at + 1] === 0x89 && header[at + 2] === 0x88) return at + 3
  }
  return undefined
}

const MUXER_COLORS = {
  matrix: ['rgb', 'bt709', 'bt470bg', 'smpte170m'],
  transfer: ['bt709', 'smpte170m', 'iec61966-2-1'],
  primaries: ['bt709', 'bt470bg', 'smpte170m'],
} as const

/** Drops a color space that the muxer has no number for: it would write a broken element. */
function safeMetadata(metadata: EncodedVideoChunkMetadata | undefined, codec: Codec): EncodedVideoChunkMetadata | undefined {
  const config = metadata?.decoderConfig
  if (!config) return undefined
  const { matrix, transfer, primaries, fullRange } = config.colorSpace ?? {}
  const supported =
    typeof fullRange === 'boolean' &&
    includes(MUXER_COLORS.matrix, matrix) &&
    includes(MUXER_COLORS.transfer, transfer) &&
    includes(MUXER_COLORS.primaries, primaries)
  const description = config.description ?? (codec === 'av1' ? av1Description(config.codec) : undefined)
  return { decoderConfig: { codec: config.codec, ...(supported && { colorSpace: config.colorSpace }), ...(description && { description }) } }
}

function includes(names: readonly string[], name: string | null | undefined): boolean {
  return typeof name === 'string' && names.includes(name)
}

/**
 * The four fixed bytes of an AV1 configuration record (av1C), which Matroska requires, from `av01.P.LLT.DD`.
 * 8 bits, 4:2:0; the sequence header itself is in the first key frame.
 */
function av1Description(codecString: string): Uint8Array<ArrayBuffer> | undefined {
  const parts = /^av01\.(\d)\.(\d\d)([MH])\.08/.exec(codecString)
  if (!parts) return undefined
  const [, profile, level, tier] = parts
  return Uint8Array.of(0x81, (Number(profile) << 5) | Number(level), (tier === 'H' ? 0x80 : 0) | 0x0c, 0)
}
