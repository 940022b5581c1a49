// How much memory a GPU has is not told to pages. It can be asked for, and given back at once.

const USAGE_STORAGE = 0x80 // STORAGE, as the spec fixes the bits (Node has no GPUBufferUsage global)
/** What one allocation asks for: as large as the default limit of a buffer, since that is how weights come. */
const PIECE_BYTES = 2 ** 28

/**
 * Whether the device can give `bytes` beside what it holds now. Pieces are allocated one by one, each under an out-of-memory
 * error scope, so that the first one refused ends it; all are freed before the answer. Nothing is written to them: a driver
 * that hands out memory only when it is written to may say yes too easily.
 */
export async function fitsInMemory(device: GPUDevice, bytes: number): Promise<boolean> {
  const pieces: GPUBuffer[] = []
  try {
    for (let left = bytes; left > 0; left -= PIECE_BYTES) {
      device.pushErrorScope('out-of-memory')
      // a length of whole words, as every buffer of the engine has
      pieces.push(device.createBuffer({ label: 'fits', size: Math.ceil(Math.min(left, PIECE_BYTES) / 4) * 4, usage: USAGE_STORAGE }))
      if ((await device.popErrorScope()) !== null) return false
    }
    return true
  } finally {
    for (const piece of pieces) piece.destroy()
  }
}
