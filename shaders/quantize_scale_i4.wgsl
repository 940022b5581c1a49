// quantize_scale_i4: scale[o, g] = half(extreme / -8), the extreme being the first of the largest |w[o, k]| of k = 32 g … 32 g + 31, with its sign
// w: [rows, K] F32 | F16 | BF16 | F8_E4M3 as a file stores them, rows from 8·first_panel on; scale: f16 pairs [O/8][ceil(K / 32)][4], zero where w has no such row
// one element: two outputs of a group, [panel][group][pair]
// prelude: STORED
// libs: stored, half_bits, elements, groups

struct Params {
  rows: u32, // of w here
  inner: u32, // K
  first_panel: u32,
  groups_in: u32, // ceil(K / 32)
}

@group(0) @binding(2) var<storage, read_write> scale: array<u32>;

fn scale_bits(row: u32, group_in: u32) -> u32 {
  if (row >= params.rows) {
    return 0u;
  }
  var extreme = 0.0;
  for (var k = group_in * 32u; k < min(group_in * 32u + 32u, params.inner); k++) {
    let value = stored_at(row * params.inner + k);
    extreme = select(extreme, value, abs(value) > abs(extreme));
  }
  return half_bits(extreme * -0.125);
}

fn element(at: u32) {
  let panel = at / (params.groups_in * 4u);
  let group_in = at / 4u % params.groups_in;
  let row = panel * 8u + at % 4u * 2u;
  scale[params.first_panel * params.groups_in * 4u + at] = scale_bits(row, group_in) | (scale_bits(row + 1u, group_in) << 16u);
}
