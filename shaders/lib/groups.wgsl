// groups: the entry point of every kernel whose work is a list of workgroups. workers/ops/dispatch-groups.ts splits the list into dispatches
// and folds each over x and y.
// The kernel declares `struct Params` with its own uniforms, to which the prelude adds first_group and end_group, and `run`: what one
// workgroup does. prelude: WG
@group(0) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) id: vec3<u32>,
  @builtin(num_workgroups) grid: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
) {
  let group = params.first_group + id.x + id.y * grid.x;
  if (group >= params.end_group) {
    return;
  }
  run(group, local);
}
