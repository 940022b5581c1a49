import type { Attachment } from 'svelte/attachments'

/** Shows a blob in an image or a video, and lets go of its URL when the element or the blob goes. */
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
