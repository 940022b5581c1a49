import type { ErrorData } from '../shared/errors'

/** What happened and what to do about it, for each way things can fail. */
export interface ErrorSentence {
  title: string
  advice: string
}

/** The page's wording of an error; the facts (file, expected, found) are the worker's own sentence in `message`. Pure. */
export function errorSentence(error: ErrorData): ErrorSentence {
  switch (error.code) {
    case 'no-webgpu':
      return { title: 'This browser has no WebGPU.', advice: 'Clips are made on your own GPU, and WebGPU is the way to it.' }
    case 'no-adapter':
      return { title: 'WebGPU is here, but no GPU answers.', advice: 'A driver update or another browser may help.' }
    case 'device-lost':
      return { title: 'The GPU was lost while the clip was being made.', advice: 'Nothing else is lost. Try again; closing other GPU-heavy tabs helps.' }
    case 'out-of-memory':
      return { title: 'The GPU ran out of memory.', advice: 'Try a smaller size or a shorter clip.' }
    case 'bad-request':
      return { title: 'The model does not take these settings.', advice: error.message }
    case 'weights-missing':
      return { title: 'A file of the model is missing.', advice: error.message }
    case 'weights-truncated':
      return { title: 'A file of the model is incomplete.', advice: error.message }
    case 'weights-corrupt':
      return { title: 'A file of the model is damaged.', advice: error.message }
    case 'unreadable-media':
      return { title: 'This picture or video cannot be read.', advice: error.message }
    case 'no-encoder':
      return { title: 'This browser cannot write video.', advice: 'It has no encoder for VP9, AV1 or VP8. A current Chrome, Edge, Firefox or Safari has one.' }
    case 'storage-full':
      return { title: 'The browser has no storage left for this site.', advice: 'Delete clips you no longer need in the Library, or free space on the disk.' }
    case 'not-found':
      return { title: 'This clip is no longer here.', advice: 'Its file is gone from the browser’s storage.' }
    case 'cancelled':
      return { title: 'Cancelled.', advice: '' }
    case 'internal':
      return { title: 'Something went wrong inside Kinora.', advice: error.message }
  }
}
