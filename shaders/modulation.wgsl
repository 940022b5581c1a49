// modulation: y[u, l, p] = values[u, p] + tables[first + l, p]: of each distinct timestep the modulation of some layers in a row
// values: [U, P] f32; tables: [layers of the model, P] f32; y: [U, L, P] f32
// one invocation four elements, a workgroup 64 of them; workgroups as dispatch-groups.ts folds them

struct Dims {
  first_group: u32,
  end_group: u32,
  count: u32, // U · L · P
  period: u32, // P
  layers: u32, // L · P
  skipped: u32, // first · P
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> values: array<f32>;
@group(0) @binding(2) var<storage, read> tables: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) block: vec3<u32>,
  @builtin(num_workgroups) grid: vec3<u32>,
  @builtin(local_invocation_index) lane: u32,
) {
  let workgroup = dims.first_group + block.x + block.y * grid.x;
  if (workgroup >= dims.end_group) {
    return;
  }
  let first = (workgroup * 64u + lane) * 4u;
  for (var at = first; at < min(first + 4u, dims.count); at++) {
    let row = at / dims.layers;
    let place = at % dims.layers;
    y[at] = values[row * dims.period + place % dims.period] + tables[dims.skipped + place];
  }
}
