// sampler_step_tokens: y[n,c] = keep[n] * (x[n,c] + factor[n] * velocity[n,c]) + add[n] * noise[n,c]
//   factor = sigma_next - sigma, keep = 1, add = 0 makes an Euler step; factor = 0 leaves a token where it is
//   factor = -sigma, keep = 1 - sigma_next, add = sigma_next goes all the way and then back with fresh noise
// x, velocity, noise, y: [N, C] f32; table: [N, 3] f32, a token's factor, keep and add
// one invocation one element, a workgroup 64 of them; workgroups as dispatch-groups.ts folds them
// prelude: HAS_NOISE = bool; without it noise is not read

struct Dims {
  first_group: u32,
  end_group: u32,
  count: u32, // N * C
  channels: u32, // C
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> velocity: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;
@group(0) @binding(4) var<storage, read> table: array<f32>;
@group(0) @binding(5) var<storage, read> noise: array<f32>;

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
  let row = at / dims.channels * 3u;
  var stepped = table[row + 1u] * (x[at] + table[row] * velocity[at]);
  if (HAS_NOISE) {
    stepped += table[row + 2u] * noise[at];
  }
  y[at] = stepped;
}
