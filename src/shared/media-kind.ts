// Images and videos told by their first bytes, whatever their names are.

/** What a file is. */
export interface MediaKind {
  kind: 'image' | 'video'
  /** as people call it */
  name: string
  /** MIME type */
  type: string
}

/** First bytes that tell a file; of an Ogg file those that name its codec are behind the first page's header. */
export const KIND_BYTES = 4096

const image = (name: string, type: string): MediaKind => ({ kind: 'image', name, type })
const video = (name: string, type: string): MediaKind => ({ kind: 'video', name, type })

/** Kinds by the text or bytes at an offset. The first match counts. */
const SIGNATURES: readonly (readonly [at: number, text: string, kind: MediaKind])[] = [
  [0, '\x89PNG\r\n\x1a\n', image('PNG', 'image/png')],
  [0, '\xff\xd8\xff', image('JPEG', 'image/jpeg')],
  [0, 'GIF8', image('GIF', 'image/gif')],
  [8, 'WEBP', image('WebP', 'image/webp')],
  [0, 'BM', image('BMP', 'image/bmp')],
  [0, 'II*\0', image('TIFF', 'image/tiff')],
  [0, 'MM\0*', image('TIFF', 'image/tiff')],
  [0, '\xff\x0a', image('JPEG XL', 'image/jxl')],
  [0, '\0\0\0\x0cJXL ', image('JPEG XL', 'image/jxl')],
  [0, '8BPS', image('Photoshop', 'image/vnd.adobe.photoshop')],
  [0, '\0\0\x01\0', image('icon', 'image/x-icon')],
  [8, 'AVI ', video('AVI', 'video/x-msvideo')],
  [0, '\x30\x26\xb2\x75\x8e\x66\xcf\x11', video('Windows Media', 'video/x-ms-asf')],
  [0, 'FLV\x01', video('Flash', 'video/x-flv')],
  [0, '\0\0\x01\xba', video('MPEG', 'video/mpeg')],
  [0, '\0\0\x01\xb3', video('MPEG', 'video/mpeg')],
]

/** Brands of the ISO base media format that are images; all others are videos. */
const IMAGE_BRANDS: readonly (readonly [brand: RegExp, kind: MediaKind])[] = [
  [/^avi[fs]$/, image('AVIF', 'image/avif')],
  [/^(hei[cxms]|hev[cxms]|mif1|msf1)$/, image('HEIC', 'image/heic')],
]

/** Codecs of Ogg by the first bytes of their streams, videos first. */
const OGG_CODECS: readonly (readonly [text: string, name: string])[] = [
  ['\x80theora', 'Theora'],
  ['OVP80', 'VP8'],
  ['BBCD', 'Dirac'],
]

/** The kind of a file by its first {@link KIND_BYTES} bytes, or all of a shorter file; undefined for what is neither. Pure. */
export function mediaKind(first: Uint8Array): MediaKind | undefined {
  const text = Array.from(first.subarray(0, KIND_BYTES), (byte) => String.fromCharCode(byte)).join('')
  const signed = SIGNATURES.find(([at, sought]) => text.startsWith(sought, at))?.[2]
  if (signed) return signed
  if (text.startsWith('ftyp', 4)) {
    const brand = text.slice(8, 12)
    // a HEIC or AVIF may have the general brand first
    const brands = brand === 'mif1' || brand === 'msf1' ? [...(text.slice(16, 48).match(/.{4}/gs) ?? []), brand] : [brand]
    return IMAGE_BRANDS.find(([sought]) => brands.some((one) => sought.test(one)))?.[1] ?? video(brand === 'qt  ' ? 'QuickTime' : 'MP4', 'video/mp4')
  }
  if (text.startsWith('\x1aE\xdf\xa3')) return text.includes('webm') ? video('WebM', 'video/webm') : video('Matroska', 'video/x-matroska')
  if (text.startsWith('OggS')) {
    const codec = OGG_CODECS.find(([sought]) => text.includes(sought))?.[1]
    return video(codec ? `${codec} in Ogg` : 'Ogg', 'video/ogg')
  }
  if (first[0] === 0x47 && first[188] === 0x47) return video('an MPEG transport stream', 'video/mp2t')
  if (/^\s*(<\?xml[^>]*>\s*)?(<!--.*?-->\s*)*(<!DOCTYPE[^>]*>\s*)?<svg[\s>]/s.test(text)) return image('SVG', 'image/svg+xml')
  return undefined
}

/** The kind of a file by its first bytes. */
export async function kindOfFile(file: Blob): Promise<MediaKind | undefined> {
  return mediaKind(new Uint8Array(await file.slice(0, KIND_BYTES).arrayBuffer()))
}
