import type { ErrorData } from '../shared/errors'

/** What went wrong, and what to do about it. */
export interface ErrorMessage {
  title: string
  advice: string
}

/** The text of an error on the page; the worker's own facts (file, expected, got) are in `message`. Pure. */
export function errorMessage(error: ErrorData): ErrorMessage {
  switch (error.code) {
    case 'no-webgpu':
      return { title: 'This browser does not support WebGPU.', advice: 'Kinora needs WebGPU to generate clips on your GPU.' }
    case 'no-adapter':
      return { title: 'No GPU was found.', advice: 'The browser supports WebGPU but found no GPU. Update the graphics driver or try another browser.' }
    case 'device-lost':
      return { title: 'The GPU stopped responding during generation.', advice: 'Close other tabs that use the GPU, then try again.' }
    case 'out-of-memory':
      return { title: 'The GPU ran out of memory.', advice: 'Try a lower resolution or a shorter duration.' }
    case 'bad-request':
      return { title: 'The model does not support these settings.', advice: error.message }
    case 'weights-missing':
      return { title: 'A model file is missing.', advice: error.message }
    case 'weights-truncated':
      return { title: 'A model file is incomplete.', advice: error.message }
    case 'weights-corrupt':
      return { title: 'A model file is corrupted.', advice: error.message }
    case 'unreadable-media':
      return { title: 'This image or video cannot be read.', advice: error.message }
    case 'no-encoder':
      return {
        title: 'This browser cannot encode video.',
        advice: 'It has no encoder for VP9, AV1 or VP8. Use a current version of Chrome, Edge, Firefox or Safari.',
      }
    case 'storage-full':
      return { title: 'Browser storage is full.', advice: 'Delete clips in Library or models in Models, or free up disk space.' }
    case 'not-found':
      return { title: 'This clip was deleted.', advice: 'Its file is no longer in browser storage.' }
    case 'cancelled':
      return { title: 'Canceled.', advice: '' }
    case 'internal':
      return { title: 'Something went wrong.', advice: error.message }
  }
}
