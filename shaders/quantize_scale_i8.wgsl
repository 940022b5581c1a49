// quantize_scale_i8: scale[o] = max over k of |w[o, k]| / 127, zero where w has no such row
// w: [rows, K] F32 | F16 | BF16 | F8_E4M3 as a file stores them, rows from 8·first_panel on; scale: f32 [O/8, 8]
// LANES neighbouring invocations share a row, a workgroup has WG of them; workgroups as dispatch-groups.ts folds them
// prelude: WG, LANES = powers of two, LANES ≤ WG; lib: stored_{f32,f16,bf16,f8_e4m3}

struct Dims {
  first_group: u32,
  end_group: u32,
  rows: u32, // of w here
  inner: u32, // K
  first_panel: u32,
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(2) var<storage, read_write> scale: array<f32>;

var<workgroup> partial: array<f32, WG>;

@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) block: vec3<u32>,
  @builtin(num_workgroups) grid: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
) {
  let workgroup = dims.first_group + block.x + block.y * grid.x;
  if (workgroup >= dims.end_group) {
    return;
  }
  let row = workgroup * (WG / LANES) + local / LANES;
  let lane = local % LANES;
  var largest = 0.0;
  if (row < dims.rows) {
    for (var k = lane; k < dims.inner; k += LANES) {
      largest = max(largest, abs(stored_at(row * dims.inner + k)));
    }
  }
  partial[local] = largest;
  for (var reach = LANES / 2u; reach > 0u; reach /= 2u) {
    workgroupBarrier();
    if (lane < reach) {
      partial[local] = max(partial[local], partial[local + reach]);
    }
  }
  if (lane == 0u && row < (dims.rows + 7u) / 8u * 8u) {
    scale[dims.first_panel * 8u + row] = partial[local] / 127.0;
  }
}
