// quantize_activations: q[m, k] = round(x[m, k] / scale[m, g]), scale[m, g] = max |x[m, k]| / 127 over the 32 inputs k of group g
// x: [M, K] elem; q: [M, ceil(K / 32) * 32] i8, zeros past x's end; scale: [M, ceil(K / 32)] f32
// one invocation a group of a row, a workgroup 64 of them; workgroups as dispatch-groups.ts folds them
// prelude: elem = f16 | f32
// libs: linear_x_{vec4,scalar}, int8_group

struct Params {
  first_group: u32,
  end_group: u32,
  rows: u32, // M
  inner: u32, // K
  steps: u32, // ceil(K / 4)
  groups_in: u32, // ceil(K / 32)
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(2) var<storage, read_write> q: array<u32>;
@group(0) @binding(3) var<storage, read_write> scale: array<f32>;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) block: vec3<u32>,
  @builtin(num_workgroups) grid: vec3<u32>,
  @builtin(local_invocation_index) lane: u32,
) {
  let workgroup = params.first_group + block.x + block.y * grid.x;
  let at = workgroup * 64u + lane; // [row][group]
  let row = at / params.groups_in;
  if (workgroup >= params.end_group || row >= params.rows) {
    return;
  }
  let first = at % params.groups_in * 8u;
  let end = min(first + 8u, params.steps);
  var most = vec4<f32>();
  for (var step = first; step < end; step++) {
    most = max(most, abs(read_x(row, step)));
  }
  let of_group = group_scale(most);
  scale[at] = of_group.x;
  let words = row * params.groups_in * 8u;
  for (var step = first; step < end; step++) {
    q[words + step] = code_word(read_x(row, step), of_group.y);
  }
  for (var step = end; step < first + 8u; step++) {
    q[words + step] = 0u;
  }
}
