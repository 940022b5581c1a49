// frames_to_rgba: y[pixel] = red | green << 8 | blue << 16 | 255 << 24, each round((clamp(x, -1, 1) + 1) * 127.5)
// x: [F, H, W, 3] elem in -1..1; y: [F, H, W] u32, in memory the bytes R, G, B, A
// one element: a pixel
// prelude: elem = f16 | f32
// libs: levels, elements, groups

@group(0) @binding(1) var<storage, read> x: array<elem>;
@group(0) @binding(2) var<storage, read_write> y: array<u32>;

fn element(at: u32) {
  let color = vec3<f32>(f32(x[at * 3u]), f32(x[at * 3u + 1u]), f32(x[at * 3u + 2u]));
  let bytes = levels(color);
  y[at] = bytes.x | (bytes.y << 8u) | (bytes.z << 16u) | 0xff000000u;
}
