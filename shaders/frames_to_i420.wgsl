// frames_to_i420: the planes Y [H, W], U and V [H/2, W/2] of each frame in limited range, from levels 0 … 255 as in frames_to_rgba:
//   Y = (wY · color + 16.5·2¹⁶) >> 16, U = (wU · s + 128.5·2¹⁶) >> 16, V likewise; s = the sum of the four colors of 2 × 2 pixels
// x: [F, H, W, 3] elem in -1..1; y: [F, H·W·3/8] u32, the bytes of the planes one after the other; W a multiple of 8, H of 2
// one element: 8 × 2 pixels, which are four words of Y, one of U and one of V
// prelude: elem = f16 | f32
// libs: levels, elements, groups

struct Params {
  height: u32,
  width: u32,
  y_red: i32,
  y_green: i32,
  y_blue: i32,
  u_red: i32,
  u_green: i32,
  u_blue: i32,
  v_red: i32,
  v_green: i32,
  v_blue: i32,
}

@group(0) @binding(1) var<storage, read> x: array<elem>;
@group(0) @binding(2) var<storage, read_write> y: array<u32>;

fn pixel(at: u32) -> vec3<i32> {
  return vec3<i32>(levels(vec3<f32>(f32(x[at * 3u]), f32(x[at * 3u + 1u]), f32(x[at * 3u + 2u]))));
}

fn weigh(red: i32, green: i32, blue: i32, color: vec3<i32>, offset: i32) -> u32 {
  return u32(red * color.x + green * color.y + blue * color.z + offset) >> 16u;
}

fn luma(color: vec3<i32>) -> u32 {
  return weigh(params.y_red, params.y_green, params.y_blue, color, 1081344); // 16.5 · 65536
}

/// U and V of the sum of four pixels, each in the low byte of a half word
fn chroma(sum: vec3<i32>) -> u32 {
  let u = weigh(params.u_red, params.u_green, params.u_blue, sum, 8421376); // 128.5 · 65536
  let v = weigh(params.v_red, params.v_green, params.v_blue, sum, 8421376);
  return u | (v << 16u);
}

fn element(at: u32) {
  let cells_x = params.width / 8u;
  let cells_y = params.height / 2u;
  let column = at % cells_x;
  let row = (at / cells_x) % cells_y;
  let frame = at / (cells_x * cells_y);

  let top = (frame * params.height + row * 2u) * params.width + column * 8u;
  let luma_words = cells_x * 2u;
  let planes = frame * cells_x * cells_y * 6u;
  let y_at = planes + row * 2u * luma_words + column * 2u;
  let u_at = planes + cells_x * cells_y * 4u + row * cells_x + column;
  var u_word = 0u;
  var v_word = 0u;
  for (var half = 0u; half < 2u; half++) {
    let p = top + half * 4u;
    let q = p + params.width;
    let a0 = pixel(p);
    let a1 = pixel(p + 1u);
    let a2 = pixel(p + 2u);
    let a3 = pixel(p + 3u);
    let b0 = pixel(q);
    let b1 = pixel(q + 1u);
    let b2 = pixel(q + 2u);
    let b3 = pixel(q + 3u);
    y[y_at + half] = luma(a0) | (luma(a1) << 8u) | (luma(a2) << 16u) | (luma(a3) << 24u);
    y[y_at + half + luma_words] = luma(b0) | (luma(b1) << 8u) | (luma(b2) << 16u) | (luma(b3) << 24u);
    let left = chroma(a0 + a1 + b0 + b1);
    let right = chroma(a2 + a3 + b2 + b3);
    u_word |= ((left & 0xffu) | ((right & 0xffu) << 8u)) << (half * 16u);
    v_word |= ((left >> 16u) | ((right >> 16u) << 8u)) << (half * 16u);
  }
  y[u_at] = u_word;
  y[u_at + cells_x * cells_y] = v_word;
}
