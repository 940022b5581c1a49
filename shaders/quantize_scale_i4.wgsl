// quantize_scale_i4: scale[o, g] = half(extreme / -8), the extreme being the first of the largest |w[o, k]| of k = 32 g … 32 g + 31, with its sign
// w: [rows, K] F32 | F16 | BF16 | F8_E4M3 as a file stores them, rows from 8·first_panel on; scale: f16 pairs [O/8][ceil(K / 32)][4], zero where w has no such row
// one invocation two outputs of a group, a workgroup 64 of them; workgroups as dispatch-groups.ts folds them
// libs: stored_{f32,f16,bf16,f8_e4m3}, half_bits

struct Dims {
  first_group: u32,
  end_group: u32,
  rows: u32, // of w here
  inner: u32, // K
  first_panel: u32,
  groups_in: u32, // ceil(K / 32)
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(2) var<storage, read_write> scale: array<u32>;

fn scale_bits(row: u32, group_in: u32) -> u32 {
  if (row >= dims.rows) {
    return 0u;
  }
  var extreme = 0.0;
  for (var k = group_in * 32u; k < min(group_in * 32u + 32u, dims.inner); k++) {
    let value = stored_at(row * dims.inner + k);
    extreme = select(extreme, value, abs(value) > abs(extreme));
  }
  return half_bits(extreme * -0.125);
}

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) block: vec3<u32>,
  @builtin(num_workgroups) grid: vec3<u32>,
  @builtin(local_invocation_index) lane: u32,
) {
  let workgroup = dims.first_group + block.x + block.y * grid.x;
  let at = workgroup * 64u + lane; // [panel][group][pair]
  let panel = at / (dims.groups_in * 4u);
  if (workgroup >= dims.end_group || panel * 8u >= dims.rows) {
    return;
  }
  let group_in = at / 4u % dims.groups_in;
  let row = panel * 8u + at % 4u * 2u;
  scale[dims.first_panel * dims.groups_in * 4u + at] = scale_bits(row, group_in) | (scale_bits(row + 1u, group_in) << 16u);
}
