// A latent's colours, near enough for a preview: one linear map, no decoder.

/**
 * How much of red, green and blue each of LTX-Video's 128 whitened latent channels is, in 1/10 000, colours being −1..1.
 * Fitted to decoded clips and published with ComfyUI (comfy/latent_formats.py, LTXV); rounded here.
 */
const COLOURS = [
  [
    112, 860, -126, 94, 38, 210, -89, -132, -15, -17, 136, 103, -161, 73, 10, 191, 45, -5, 339, -230, 503, -41, -1269, 263, -49, -17, -21, -225, -158, -47, 120,
    -64, 73, -9, -372, -1337, -54, -1525, 314, 22, 38, -43, -55, -65, -50, -86, -90, 51, 138, -105, -284, 29, -167, 488, -151, -176, -93, 31, -228, -248, -236,
    -79, -115, -542, 44, -45, 137, -101, -56, -37, 295, -349, -341, -173, -21, 12, 9, 160, 12, 173, -135, 47, -59, 155, 75, 191, -57, 17, -8, 116, 76, 52, -184,
    6, -161, 205, 34, -15, 281, -185, -81, -39, -75, 35, 115, 72, 22, 241, -54, 74, 63, 164, 172, -146, 144, -68, 61, -27, 102, -133, 24, 262, 157, -22, -75,
    -84, 383, -146,
  ],
  [
    -6, 658, -76, -22, 128, -53, -197, -105, -70, 5, 47, 77, -62, 156, -30, 109, 0, 33, 334, -25, 388, -11, -1311, 142, 88, -49, 24, -213, -106, 50, 207, -85,
    -99, 63, -371, -1072, 81, -2144, 70, -90, -59, -129, -108, 31, -72, -24, -96, 121, 117, -116, -313, 365, -167, 401, -6, -81, 108, 5, -230, -154, 11, -12,
    -13, 266, -73, 16, 89, 90, 12, -54, 214, -243, -224, -132, -86, -42, -67, -101, 102, 3, -36, -52, -62, 146, 16, 16, -27, 146, 23, 89, 27, 37, -225, -58,
    -86, 207, -112, -105, 235, -128, -108, 162, -142, -114, 39, -15, -88, 217, -243, 105, 63, 95, 236, -98, 144, 189, 35, -59, 74, 193, -48, 260, 185, 47, 74,
    -80, 97, -67,
  ],
  [
    -100, 10, -41, 26, 92, 34, -188, 20, -76, -34, -20, 139, 12, 4, -148, 123, -69, 78, 375, -31, 335, 16, -2100, -36, 78, -52, 94, -151, -65, -67, 162, -95,
    -230, 96, -567, -538, 88, -2184, -98, -210, -150, -160, -30, -102, -9, 11, 16, 200, 82, -41, -221, 187, -45, 87, 30, 131, -63, 123, -260, -221, 124, -61,
    63, 63, -105, 144, 41, 157, 81, 13, 304, -253, -106, -107, -30, -69, -1, -289, 189, 138, 7, 24, -18, 20, -82, -40, -41, 258, 45, -73, 114, 140, -245, -148,
    -145, 64, -164, 17, 328, -88, -175, 334, -62, -106, 28, -38, -96, 281, -178, 127, 192, 67, 233, -116, 66, 146, -27, -92, -76, -9, -158, 202, 27, -224, 144,
    98, -193, 40,
  ],
] as const
const BIAS = [-0.0571, -0.1657, -0.2512] as const

/**
 * The map from raw latents to colours of −1..1, for a 1×1 convolution: weight [3, Z, 1, 1] and bias [3]. Whitening is folded in.
 * A latent of other than 128 channels has no known colours: its first three channels are shown.
 */
export function latentRgbFactors({ latents_mean: mean, latents_std: std }: { latents_mean: readonly number[]; latents_std: readonly number[] }): {
  weight: Float32Array
  bias: Float32Array
} {
  const channels = mean.length
  const known = channels === COLOURS[0].length
  const weight = new Float32Array(3 * channels)
  const bias = new Float32Array(3)
  for (let colour = 0; colour < 3; colour++) {
    if (known) bias[colour] = BIAS[colour] ?? 0
    for (let c = 0; c < channels; c++) {
      const factor = known ? (COLOURS[colour]?.[c] ?? 0) / 1e4 : Number(c === colour)
      weight[colour * channels + c] = factor / (std[c] ?? 1)
      bias[colour] = (bias[colour] ?? 0) - (factor * (mean[c] ?? 0)) / (std[c] ?? 1)
    }
  }
  return { weight, bias }
}
