// conv, each invocation reads its own weights.
@group(0) @binding(2) var<storage, read> w: array<mat4x4<weight_elem>>;

fn read_w(block: u32, lane: u32) -> mat4x4<f32> {
  return mat4x4<f32>(w[block]);
}

@compute @workgroup_size(WG)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(workgroup_id) group: vec3<u32>) {
  convolve(id.x, group.y, 0u);
}
