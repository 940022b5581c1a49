// Text that a video file carries beside its pictures.
import { ALL_FORMATS, BlobSource, Input } from 'mediabunny'

/** A tag of a video by its name; null where it has none, or where it is no video that can be read. */
export async function readVideoTag(file: Blob, name: string): Promise<string | null> {
  const input = new Input({ source: new BlobSource(file), formats: ALL_FORMATS })
  try {
    if (!(await input.canRead())) return null
    const value = (await input.getMetadataTags()).raw?.[name]
    return typeof value === 'string' ? value : null
  } catch {
    return null // cut short or damaged: there is no recipe to be had from it
  } finally {
    input.dispose()
  }
}
