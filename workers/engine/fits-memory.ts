// How much memory a GPU has is not told to pages. It can be asked for, and given back at once.
import { AppError } from '../../src/shared/errors'

const USAGE_STORAGE = 0x80 // STORAGE, as the spec fixes the bits (Node has no GPUBufferUsage global)
/** What one allocation asks for: as large as the default limit of a buffer, since that is how weights come. */
const PIECE_BYTES = 2 ** 28

/**
 * Whether the device can give `bytes` beside what it holds now. Pieces are allocated one by one, each under an out-of-memory
 * error scope, so that the first one refused ends it; all are freed before the answer. Nothing is written to them: a driver
 * that hands out memory only when it is written to may say yes too easily.
 * @throws AppError device-lost when the GPU goes away meanwhile, as a driver that is asked for too much may
 */
export async function fitsInMemory(device: GPUDevice, bytes: number): Promise<boolean> {
  const pieces: GPUBuffer[] = []
  try {
    for (let left = bytes; left > 0; left -= PIECE_BYTES) {
      device.pushErrorScope('out-of-memory')
      // a length of whole words, as every buffer of the engine has
      pieces.push(device.createBuffer({ label: 'fits', size: Math.ceil(Math.min(left, PIECE_BYTES) / 4) * 4, usage: USAGE_STORAGE }))
      const refused = await device.popErrorScope().catch((error: unknown) => {
        // browsers reject the scope alone, without a word of the device
        throw new AppError('device-lost', `The GPU device was lost while its memory was measured: ${error instanceof Error ? error.message : String(error)}`)
      })
      if (refused !== null) return false
    }
    return true
  } finally {
    for (const piece of pieces) piece.destroy()
  }
}
