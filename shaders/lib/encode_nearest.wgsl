/// The whole number nearest to x, ties upwards, as JavaScript's Math.round has it. floor(x + 0.5) would round the sum first.
fn nearest(x: f32) -> f32 {
  let below = floor(x);
  return below + select(0.0, 1.0, x - below >= 0.5);
}
