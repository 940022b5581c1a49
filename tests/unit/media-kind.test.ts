import { expect, test } from 'vitest'
import { mediaKind } from '../../src/shared/media-kind'

/** Bytes of a text whose letters are below 256, after some zeros or another text. */
const bytes = (text: string, before = '') => Uint8Array.from(before + text, (letter) => letter.charCodeAt(0))
const ftyp = (brand: string, compatible = '') => bytes(`ftyp${brand}\0\0\0\0${compatible}`, '\0\0\0\x1c')

test.each([
  ['PNG', bytes('\x89PNG\r\n\x1a\n')],
  ['JPEG', bytes('\xff\xd8\xff\xe0\0\x10JFIF')],
  ['GIF', bytes('GIF89a')],
  ['WebP', bytes('RIFF\0\0\0\0WEBPVP8L')],
  ['AVIF', ftyp('avif')],
  ['AVIF', ftyp('mif1', 'avifmiaf')],
  ['HEIC', ftyp('heic')],
  ['HEIC', ftyp('mif1', 'heicmiaf')],
  ['TIFF', bytes('II*\0')],
  ['SVG', bytes('<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg">')],
])('%s is an image', (name, first) => expect(mediaKind(first)).toMatchObject({ kind: 'image', name }))

test.each([
  ['MP4', ftyp('isom')],
  ['QuickTime', ftyp('qt  ')],
  ['WebM', bytes('\x1aE\xdf\xa3\x9fB\x86\x81\x01B\x82\x84webm')],
  ['Matroska', bytes('\x1aE\xdf\xa3\x9fB\x86\x81\x01B\x82\x88matroska')],
  ['Theora in Ogg', bytes('OggS\0\x02\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\x2a\x80theora')],
  ['AVI', bytes('RIFF\0\0\0\0AVI LIST')],
])('%s is a video', (name, first) => expect(mediaKind(first)).toMatchObject({ kind: 'video', name }))

test.each([
  ['words', bytes('a picture of words')],
  ['nothing', new Uint8Array()],
  ['one byte', Uint8Array.of(0)],
])('%s is neither', (_, first) => expect(mediaKind(first)).toBeUndefined())
