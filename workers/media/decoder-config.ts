// How a track is decoded so that its frames look as the browser's own player shows them. WebCodecs takes a file's words as they are, while
// the player repairs them and guesses what is missing.

/** Codec strings of VP9 have one of these levels; files of MediaRecorder have 0. */
const VP9_LEVELS = ['10', '11', '20', '21', '30', '31', '40', '41', '50', '51', '52', '60', '61', '62']
/** For a file that has no valid level: what it decodes with does not depend on it, but must be one that browsers know. */
const ANY_VP9_LEVEL = '41'

/** Height in pixels from which on a video without a color space is taken for HD: Chromium's rule, media/ffmpeg/ffmpeg_common.cc. */
const HD_HEIGHT = 720
const SD: VideoColorSpaceInit = { primaries: 'smpte170m', transfer: 'smpte170m', matrix: 'smpte170m', fullRange: false }
const HD: VideoColorSpaceInit = { primaries: 'bt709', transfer: 'bt709', matrix: 'bt709', fullRange: false }

/**
 * The config of a decoder as a player would use it. Pure.
 * @param height of the frames, pixels
 */
export function playerConfig(config: VideoDecoderConfig, height: number): VideoDecoderConfig {
  return { ...config, codec: knownCodec(config.codec), colorSpace: playerColors(config, height) }
}

function knownCodec(codec: string): string {
  const [name, profile, level = '', ...rest] = codec.split('.')
  return name === 'vp09' && !VP9_LEVELS.includes(level) ? [name, profile, ANY_VP9_LEVEL, ...rest].join('.') : codec
}

function playerColors({ codec, colorSpace = {} }: VideoDecoderConfig, height: number): VideoColorSpaceInit {
  const { primaries, transfer, matrix, fullRange } = colorSpace
  if (primaries && transfer && matrix) return colorSpace
  const guess = height < HD_HEIGHT || codec.startsWith('vp09') ? SD : HD
  return { ...guess, fullRange: fullRange ?? false }
}
