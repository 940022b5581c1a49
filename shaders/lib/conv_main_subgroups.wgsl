// conv, weights read once a subgroup: each of its first four lanes (there are never fewer) loads a column and broadcasts it.
// On software adapters a load costs as much as a multiplication of a whole vector: this halves the time.
// No invocation may return early: an inactive lane broadcasts nothing.
@group(0) @binding(2) var<storage, read> w: array<vec4<weight_elem>>;

fn read_w(block: u32, lane: u32) -> mat4x4<f32> {
  let column = vec4<f32>(w[block * 4u + (lane & 3u)]);
  return mat4x4<f32>(
    subgroupBroadcast(column, 0u), subgroupBroadcast(column, 1u), subgroupBroadcast(column, 2u), subgroupBroadcast(column, 3u),
  );
}

@compute @workgroup_size(WG)
fn main(
  @builtin(global_invocation_id) id: vec3<u32>,
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(subgroup_invocation_id) lane: u32,
) {
  convolve(id.x, group.y, lane);
}
