// relative_l1: how far each chunk of a tensor has moved: y[g] = (Σ |now − before|, Σ |before|)
// now, before: [COUNT] f32; y: [G, 2] f32, G = COUNT / CHUNK rounded up, the last chunk perhaps shorter
// one workgroup one chunk; workgroups as dispatch-groups.ts folds them
// prelude: WG, LANES = 64; CHUNK = elements of a chunk
// lib: row_sum

struct Dims {
  first_group: u32,
  end_group: u32,
  count: u32,
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> now: array<f32>;
@group(0) @binding(2) var<storage, read> before: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<vec2<f32>>;

@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) block: vec3<u32>,
  @builtin(num_workgroups) grid: vec3<u32>,
  @builtin(local_invocation_index) lane: u32,
) {
  let chunk = dims.first_group + block.x + block.y * grid.x;
  if (chunk >= dims.end_group) {
    return;
  }
  let start = chunk * CHUNK;
  let end = min(start + CHUNK, dims.count);
  var moved = 0f;
  var size = 0f;
  for (var at = start + lane; at < end; at += WG) {
    moved += abs(now[at] - before[at]);
    size += abs(before[at]);
  }
  let all_moved = row_sum(lane, moved);
  let all_size = row_sum(lane, size);
  if (lane == 0u) {
    y[chunk] = vec2<f32>(all_moved, all_size);
  }
}
