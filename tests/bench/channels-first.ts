// Our clips have their channels last, ONNX's first.

/** [T, places, C] → [T, C, places] */
export function channelsFirst(values: Float32Array, channels: number, places: number): Float32Array {
  const result = new Float32Array(values.length)
  for (let i = 0; i < values.length; i++) {
    const place = Math.floor(i / channels)
    const frame = Math.floor(place / places)
    result[(frame * channels + (i % channels)) * places + (place % places)] = values[i] as number
  }
  return result
}
