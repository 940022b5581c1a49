// The ambient light around a clip: the frame, blurred, with soft edges.
// The blur runs on a canvas of about two thousand pixels that the browser scales up. A CSS blur of the size of the page, several times
// a second, would cost more than the rest of the page where the GPU is busy or missing.

/** Size of the light canvas in pixels. */
export const LIGHT_WIDTH = 48
export const LIGHT_HEIGHT = 40

/** Empty margin around the frame in which the light fades out, as a fraction of each side. */
export const LIGHT_MARGIN = 0.22

const BLUR_RADIUS = 3
const BLUR_PASSES = 3
const SATURATION = 1.5

/** Draws the ambient light of an image, a canvas or a video frame. */
export function drawAmbientLight(context: CanvasRenderingContext2D, source: CanvasImageSource): void {
  const left = Math.round(LIGHT_WIDTH * LIGHT_MARGIN)
  const top = Math.round(LIGHT_HEIGHT * LIGHT_MARGIN)
  context.clearRect(0, 0, LIGHT_WIDTH, LIGHT_HEIGHT)
  context.drawImage(source, left, top, LIGHT_WIDTH - 2 * left, LIGHT_HEIGHT - 2 * top)
  const image = context.getImageData(0, 0, LIGHT_WIDTH, LIGHT_HEIGHT)
  blur(image.data, LIGHT_WIDTH, LIGHT_HEIGHT)
  context.putImageData(image, 0, 0)
}

/** Approximates a Gaussian blur with box blurs in both directions; colors are weighted by alpha. RGBA u8 [height, width], in place. */
function blur(rgba: Uint8ClampedArray, width: number, height: number): void {
  let values = new Float32Array(rgba.length)
  for (let at = 0; at < rgba.length; at += 4) {
    const alpha = (rgba[at + 3] ?? 0) / 255
    for (let channel = 0; channel < 3; channel++) values[at + channel] = (rgba[at + channel] ?? 0) * alpha
    values[at + 3] = alpha
  }
  for (let pass = 0; pass < BLUR_PASSES; pass++) {
    values = boxBlurred(values, width, height, 4)
    values = boxBlurred(values, height, width, 4 * width)
  }
  for (let at = 0; at < rgba.length; at += 4) {
    const alpha = values[at + 3] ?? 0
    const [red, green, blue] = [0, 1, 2].map((channel) => (values[at + channel] ?? 0) / Math.max(alpha, 1e-4)) as [number, number, number]
    const gray = 0.3 * red + 0.59 * green + 0.11 * blue
    const saturated = [red, green, blue].map((value) => Math.max(0, gray + (value - gray) * SATURATION))
    // Light only adds: a dark frame gives little light and never darkens a light page.
    const brightness = Math.min(255, Math.max(...saturated, 1))
    for (let channel = 0; channel < 3; channel++) rgba[at + channel] = ((saturated[channel] ?? 0) / brightness) * 255
    rgba[at + 3] = alpha * brightness
  }
}

/** One box blur along lines of `length` pixels, `stride` values apart; pixels beyond the ends of a line are zero. */
function boxBlurred(values: Float32Array<ArrayBuffer>, length: number, lines: number, stride: number): Float32Array<ArrayBuffer> {
  const blurred = new Float32Array(values.length)
  const lineStride = stride === 4 ? 4 * length : 4
  for (let line = 0; line < lines; line++) {
    for (let channel = 0; channel < 4; channel++) {
      const start = line * lineStride + channel
      let sum = 0
      for (let at = -BLUR_RADIUS; at < length; at++) {
        if (at + BLUR_RADIUS < length) sum += values[start + (at + BLUR_RADIUS) * stride] ?? 0
        if (at - BLUR_RADIUS - 1 >= 0) sum -= values[start + (at - BLUR_RADIUS - 1) * stride] ?? 0
        if (at >= 0) blurred[start + at * stride] = sum / (2 * BLUR_RADIUS + 1)
      }
    }
  }
  return blurred
}
