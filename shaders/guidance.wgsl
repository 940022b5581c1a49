// guidance: y[i] = guided + stg * (velocity[i] - perturbed[i])
//   guided = unconditional[i] + guidance * (velocity[i] - unconditional[i]), or velocity[i] without an unconditional velocity
//   (classifier-free guidance: Ho & Salimans, 2022; spatio-temporal guidance: Hyung et al., 2024)
// velocity, unconditional, perturbed, y: [COUNT] f32
// prelude: HAS_UNCONDITIONAL, HAS_PERTURBED = bool; a binding whose flag is false is not read
// libs: elements, groups

struct Params {
  guidance: f32,
  stg: f32,
}

@group(0) @binding(1) var<storage, read> velocity: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
@group(0) @binding(3) var<storage, read> unconditional: array<f32>;
@group(0) @binding(4) var<storage, read> perturbed: array<f32>;

fn element(at: u32) {
  let v = velocity[at];
  var guided = v;
  if (HAS_UNCONDITIONAL) {
    guided = unconditional[at] + params.guidance * (v - unconditional[at]);
  }
  if (HAS_PERTURBED) {
    guided += params.stg * (v - perturbed[at]);
  }
  y[at] = guided;
}
