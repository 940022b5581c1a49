// the velocity, pushed away from another one
@group(0) @binding(4) var<storage, read> away: array<f32>;

fn guided(at: u32) -> f32 {
  return away[at] + dims.guidance * (velocity[at] - away[at]);
}
