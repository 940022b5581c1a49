// an item of four neighbouring channels
fn item_sum(v: vec4f) -> f32 {
  return dot(v, vec4f(1));
}
