// Shows and downloads the file of a clip.
import type { Attachment } from 'svelte/attachments'

/** Shows a blob in an image or a video element, and revokes its URL when the element or the blob is replaced. */
export function blobSource(blob: Blob): Attachment<HTMLImageElement | HTMLVideoElement> {
  return (element) => {
    const url = URL.createObjectURL(blob)
    element.src = url
    return () => {
      element.removeAttribute('src')
      URL.revokeObjectURL(url)
    }
  }
}

/**
 * File name from prompt and seed: `kinora-a-red-sky-at-sunset-7.webm`. Safe on every file system. Pure.
 * @param type MIME type of the file: a clip of one frame is a PNG
 */
export function clipFileName(prompt: string, seed: number, type = 'video/webm'): string {
  const slug = prompt
    .normalize('NFKD')
    .toLowerCase()
    .replace(/\p{M}/gu, '')
    .replace(/[^\p{L}\p{N}]+/gu, '-')
    .slice(0, 48)
    .replace(/^-+|-+$/g, '')
  return ['kinora', slug, seed].filter((part) => part !== '').join('-') + (type === 'image/png' ? '.png' : '.webm')
}

/** Starts a browser download of a blob. */
export function downloadBlob(blob: Blob, fileName: string): void {
  const url = URL.createObjectURL(blob)
  const link = document.createElement('a')
  link.href = url
  link.download = fileName
  link.click()
  // the download holds its own reference to the data by then
  setTimeout(() => URL.revokeObjectURL(url), 1000)
}
