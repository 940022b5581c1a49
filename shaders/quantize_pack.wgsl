// quantize_pack: rows of a matrix become panels of 8 outputs: data[panel, k, o] = packed(w[8 panel + o, k]), zero where w has no such row or column
// w: [rows, K] F32 | F16 | BF16 | F8_E4M3 as a file stores them, rows from 8·first_panel on; data: [O/8][K rounded up to 4][8] f32 | f16 | i8 | i4
// packed: f32 and f16 the value, i8 and i4 the integer nearest to value / scale, ties upwards
// scale: i8: f32 [panels, 8]; i4: f16 pairs [panels, ceil(K / 32), 4]; not read for f32 and f16
// one element: the 8 outputs of a panel at one k
// prelude: STORED; FORMAT = F32 | F16 | I8 | I4; PER_WORD = values of a word: 1, 2, 4, 8
// libs: stored, half_bits, elements, groups

struct Params {
  rows: u32, // of w here
  inner: u32, // K
  steps: u32, // K rounded up to 4
  first_panel: u32,
  groups_in: u32, // i4: ceil(K / 32)
}

@group(0) @binding(2) var<storage, read_write> data: array<u32>;
@group(0) @binding(3) var<storage, read> scale: array<u32>;

/// The integer nearest to x, ties upwards, as JavaScript's Math.round. floor(x + 0.5) would round the sum first.
fn nearest(x: f32) -> f32 {
  let below = floor(x);
  return below + select(0.0, 1.0, x - below >= 0.5);
}

fn quantized(value: f32, step: f32, lowest: f32, highest: f32) -> u32 {
  if (step == 0.0) {
    return 0u;
  }
  return bitcast<u32>(i32(clamp(nearest(value / step), lowest, highest)));
}

/// The bits of output o of a panel at input k.
fn packed(value: f32, panel: u32, o: u32, k: u32) -> u32 {
  if (FORMAT == F32) {
    return bitcast<u32>(value);
  }
  if (FORMAT == F16) {
    return half_bits(value);
  }
  if (FORMAT == I8) {
    return quantized(value, bitcast<f32>(scale[panel * 8u + o]), -127.0, 127.0) & 255u;
  }
  let pair = unpack2x16float(scale[(panel * params.groups_in + k / 32u) * 4u + o / 2u]);
  return quantized(value, select(pair.x, pair.y, o % 2u == 1u), -8.0, 7.0) & 15u;
}

fn element(at: u32) {
  let panel = at / params.steps; // among these rows
  let k = at % params.steps;
  let to_panel = params.first_panel + panel;
  let to = (to_panel * params.steps + k) * (8u / PER_WORD);
  var word = 0u;
  for (var o = 0u; o < 8u; o++) {
    let row = panel * 8u + o;
    if (row < params.rows && k < params.inner) {
      word |= packed(stored_at(row * params.inner + k), to_panel, o, k) << (o % PER_WORD * (32u / PER_WORD));
    }
    if (o % PER_WORD == PER_WORD - 1u) {
      data[to + o / PER_WORD] = word;
      word = 0u;
    }
  }
}
