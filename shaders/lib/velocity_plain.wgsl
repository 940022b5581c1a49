// the model's velocity as it is
fn guided(at: u32) -> f32 {
  return velocity[at];
}
