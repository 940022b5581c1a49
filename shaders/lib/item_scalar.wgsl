// an item of one channel
fn item_sum(v: f32) -> f32 {
  return v;
}
