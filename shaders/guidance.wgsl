// guidance: y[i] = guided + stg * (velocity[i] - weakened[i])
//   guided = away[i] + guidance * (velocity[i] - away[i]), or velocity[i] where nothing is steered away from
//   (classifier-free guidance: Ho & Salimans, 2022; spatio-temporal guidance: Hyung et al., 2024)
// velocity, away, weakened, y: [COUNT] f32
// one invocation one element, a workgroup 64 of them; workgroups as dispatch-groups.ts folds them
// prelude: HAS_AWAY, HAS_WEAKENED = bool; a binding whose HAS_… is false is not read

struct Dims {
  first_group: u32,
  end_group: u32,
  count: u32,
  guidance: f32,
  stg: f32,
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> velocity: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
@group(0) @binding(3) var<storage, read> away: array<f32>;
@group(0) @binding(4) var<storage, read> weakened: array<f32>;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) block: vec3<u32>,
  @builtin(num_workgroups) grid: vec3<u32>,
  @builtin(local_invocation_index) lane: u32,
) {
  let workgroup = dims.first_group + block.x + block.y * grid.x;
  let at = workgroup * 64u + lane;
  if (workgroup >= dims.end_group || at >= dims.count) {
    return;
  }
  let v = velocity[at];
  var guided = v;
  if (HAS_AWAY) {
    guided = away[at] + dims.guidance * (v - away[at]);
  }
  if (HAS_WEAKENED) {
    guided += dims.stg * (v - weakened[at]);
  }
  y[at] = guided;
}
