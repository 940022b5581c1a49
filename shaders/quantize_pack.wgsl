// quantize_pack: some rows of a matrix become panels of 8 outputs: data[panel, k, o] = code(w[8 panel + o, k]), zero where w has no such row or column
// w: [rows, K] F32 | F16 | BF16 | F8_E4M3 as a file stores them, rows from 8·first_panel on; data: [O/8][K rounded up to 4][8] f32 | f16 | i8 | i4
// code: f32 and f16 the value, i8 and i4 the whole number nearest to value / scale, ties upwards
// one invocation the 8 outputs of a panel at one k, a workgroup 64 of them; workgroups as dispatch-groups.ts folds them
// libs: stored_{f32,f16,bf16,f8_e4m3}, code_{f32,f16,i8,i4} and what that needs

struct Dims {
  first_group: u32,
  end_group: u32,
  rows: u32, // of w here
  inner: u32, // K
  steps: u32, // K rounded up to 4
  first_panel: u32,
  groups_in: u32, // i4: ceil(K / 32)
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(2) var<storage, read_write> data: array<u32>;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) block: vec3<u32>,
  @builtin(num_workgroups) grid: vec3<u32>,
  @builtin(local_invocation_index) lane: u32,
) {
  let workgroup = dims.first_group + block.x + block.y * grid.x;
  let at = workgroup * 64u + lane;
  let panel = at / dims.steps; // among these rows
  let k = at % dims.steps;
  if (workgroup >= dims.end_group || panel * 8u >= dims.rows) {
    return;
  }
  let to_panel = dims.first_panel + panel;
  let to = (to_panel * dims.steps + k) * (8u / PER_WORD);
  var word = 0u;
  for (var o = 0u; o < 8u; o++) {
    let row = panel * 8u + o;
    if (row < dims.rows && k < dims.inner) {
      word |= code(stored_at(row * dims.inner + k), to_panel, o, k) << (o % PER_WORD * (32u / PER_WORD));
    }
    if (o % PER_WORD == PER_WORD - 1u) {
      data[to + o / PER_WORD] = word;
      word = 0u;
    }
  }
}
