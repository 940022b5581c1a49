// quantize_scale_i8: scale[o] = max over k of |w[o, k]| / 127, zero where w has no such row
// w: [rows, K] F32 | F16 | BF16 | F8_E4M3 as a file stores them, rows from 8·first_panel on; scale: f32 [O/8, 8]
// one workgroup: WG / LANES rows with LANES neighboring invocations each
// prelude: STORED; LANES = a power of two up to WG
// libs: stored, groups

struct Params {
  rows: u32, // of w here
  inner: u32, // K
  first_panel: u32,
}

@group(0) @binding(2) var<storage, read_write> scale: array<f32>;

var<workgroup> partial: array<f32, WG>;

fn run(group: u32, local: u32) {
  let row = group * (WG / LANES) + local / LANES;
  let lane = local % LANES;
  var largest = 0.0;
  if (row < params.rows) {
    for (var k = lane; k < params.inner; k += LANES) {
      largest = max(largest, abs(stored_at(row * params.inner + k)));
    }
  }
  partial[local] = largest;
  for (var reach = LANES / 2u; reach > 0u; reach /= 2u) {
    workgroupBarrier();
    if (lane < reach) {
      partial[local] = max(partial[local], partial[local + reach]);
    }
  }
  if (lane == 0u && row < (params.rows + 7u) / 8u * 8u) {
    scale[params.first_panel * 8u + row] = partial[local] / 127.0;
  }
}
