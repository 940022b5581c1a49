// sampler_step: y[i] = x[i] + factor * v[i]
//   without guidance v = velocity; with it v = away + guidance * (velocity - away)   (Ho & Salimans, 2022)
//   factor = sigma_next - sigma makes an Euler step, factor = -sigma the denoised estimate
// x, velocity, away, y: [COUNT] f32
// one invocation one element, a workgroup 64 of them; workgroups as dispatch-groups.ts folds them
// prelude: GUIDED = bool, which of lib/velocity_plain and lib/velocity_guided is in front

struct Dims {
  first_group: u32,
  end_group: u32,
  count: u32,
  factor: f32,
  guidance: f32,
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> velocity: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;

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
  y[at] = x[at] + dims.factor * guided(at);
}
