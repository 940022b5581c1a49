// A text tag in a WebM file: a Tags element at the end. Element ids: https://www.matroska.org/technical/elements.html

/** Element ids as they are in the file. */
const ID = {
  segment: [0x18, 0x53, 0x80, 0x67],
  info: [0x15, 0x49, 0xa9, 0x66],
  tags: [0x12, 0x54, 0xc3, 0x67],
  tag: [0x73, 0x73],
  targets: [0x63, 0xc0],
  simpleTag: [0x67, 0xc8],
  tagName: [0x45, 0xa3],
  tagString: [0x44, 0x87],
  /** SeekID of four bytes */
  seekId: [0x53, 0xab, 0x84],
} as const
/** Bytes in which webm-muxer writes the segment's size and a position in it. */
const SEGMENT_SIZE_BYTES = 6
const POSITION_BYTES = 5
/** Bytes of SeekPosition's id and size, in front of its value. */
const POSITION_HEAD_BYTES = 3

/** A Tags element with one tag for the whole file. */
export function tagsElement(name: string, value: string): Uint8Array<ArrayBuffer> {
  const utf8 = new TextEncoder()
  const simple = element(ID.simpleTag, [...element(ID.tagName, utf8.encode(name)), ...element(ID.tagString, utf8.encode(value))])
  return element(ID.tags, element(ID.tag, [...element(ID.targets, []), ...simple]))
}

/** Bytes to overwrite at a position of the file. */
export interface Patch {
  bytes: Uint8Array<ArrayBuffer>
  position: number
}

/**
 * The changes to a file's header for Tags at its end: the segment's size and the seek list. The seek list has no free entry; the one
 * for Info is replaced, which readers find without it, since Info directly follows the list.
 * @param header the file's first bytes, up to its first cluster
 * @param tagsAt where the Tags start
 * @param length of the whole file with the Tags, bytes
 */
export function patchesFor(header: Uint8Array, tagsAt: number, length: number): Patch[] {
  const segment = find(header, ID.segment)
  const seek = find(header, [...ID.seekId, ...ID.info])
  if (segment < 0 || seek < 0) throw new Error('Expected a segment with a seek list in the WebM header, found none.')
  const sizeAt = segment + ID.segment.length
  const contentAt = sizeAt + SEGMENT_SIZE_BYTES
  const size = bigEndian(length - contentAt, SEGMENT_SIZE_BYTES)
  // EBML: the first set bit of a size gives its length
  size[0] = (size[0] as number) | (0x80 >> (SEGMENT_SIZE_BYTES - 1))
  const idAt = seek + ID.seekId.length
  return [
    { bytes: size, position: sizeAt },
    { bytes: Uint8Array.from(ID.tags), position: idAt },
    { bytes: bigEndian(tagsAt - contentAt, POSITION_BYTES), position: idAt + ID.tags.length + POSITION_HEAD_BYTES },
  ]
}

/** An element: id, size in four bytes, content. */
function element(id: readonly number[], content: ArrayLike<number>): Uint8Array<ArrayBuffer> {
  const size = bigEndian(content.length, 4)
  size[0] = (size[0] as number) | 0x10
  return Uint8Array.from([...id, ...size, ...Array.from(content)])
}

function bigEndian(value: number, bytes: number): Uint8Array<ArrayBuffer> {
  return Uint8Array.from({ length: bytes }, (_, index) => Math.floor(value / 2 ** (8 * (bytes - 1 - index))) % 256)
}

function find(bytes: Uint8Array, sought: readonly number[]): number {
  return bytes.findIndex((_, at) => sought.every((byte, offset) => bytes[at + offset] === byte))
}
