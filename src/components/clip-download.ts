/**
 * A file name that tells the clip: `kinora-a-red-sky-at-sunset-7.webm`. Safe on every file system. Pure.
 * @param type of its file: a still is a PNG
 */
export function clipFileName(prompt: string, seed: number, type = 'video/webm'): string {
  const words = prompt
    .normalize('NFKD')
    .toLowerCase()
    .replace(/\p{M}/gu, '')
    .replace(/[^\p{L}\p{N}]+/gu, '-')
    .slice(0, 48)
    .replace(/^-+|-+$/g, '')
  return ['kinora', words, seed].filter((part) => part !== '').join('-') + (type === 'image/png' ? '.png' : '.webm')
}

/** Hands a blob to the browser as a download. */
export function downloadBlob(blob: Blob, fileName: string): void {
  const url = URL.createObjectURL(blob)
  const link = document.createElement('a')
  link.href = url
  link.download = fileName
  link.click()
  // the download has its own hold on the data after this turn
  setTimeout(() => URL.revokeObjectURL(url), 1000)
}
