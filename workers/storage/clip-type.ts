/** Content type of a clip's file, by its name: a still is a picture. */
export function clipType(file: string): 'image/png' | 'video/webm' {
  return file.endsWith('.png') ? 'image/png' : 'video/webm'
}
