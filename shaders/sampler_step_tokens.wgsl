// sampler_step_tokens: y[n,c] = keep[n] * (x[n,c] + factor[n] * velocity[n,c]) + add[n] * noise[n,c]
//   factor = sigma_next - sigma, keep = 1, add = 0 makes an Euler step; factor = 0 leaves a token where it is
//   factor = -sigma, keep = 1 - sigma_next, add = sigma_next steps to sigma 0 and renoises to sigma_next
// x, velocity, noise, y: [N, C] f32; table: [N, 3] f32, a token's factor, keep and add
// prelude: HAS_NOISE = bool; without it noise is not read
// libs: elements, groups

struct Params {
  channels: u32, // C
}

@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> velocity: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;
@group(0) @binding(4) var<storage, read> table: array<f32>;
@group(0) @binding(5) var<storage, read> noise: array<f32>;

fn element(at: u32) {
  let row = at / params.channels * 3u;
  var stepped = table[row + 1u] * (x[at] + table[row] * velocity[at]);
  if (HAS_NOISE) {
    stepped += table[row + 2u] * noise[at];
  }
  y[at] = stepped;
}
