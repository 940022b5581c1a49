// sampler_step: y[i] = x[i] + factor * velocity[i]
//   factor = sigma_next - sigma makes an Euler step, factor = -sigma the denoised estimate
// x, velocity, y: [COUNT] f32
// libs: elements, groups

struct Params {
  factor: f32,
}

@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> velocity: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;

fn element(at: u32) {
  y[at] = x[at] + params.factor * velocity[at];
}
