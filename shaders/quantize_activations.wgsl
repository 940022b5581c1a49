// quantize_activations: q[m, k] = round(x[m, k] / scale[m, g]), scale[m, g] = max |x[m, k]| / 127 over the 32 inputs k of group g
// x: [M, K] elem; q: [M, ceil(K / 32) * 32] i8, zeros past x's end; scale: [M, ceil(K / 32)] f32
// one element: a group of a row
// prelude: elem, x_item, K_BY_4 as in linear_x
// libs: linear_x, int8_group, elements, groups

struct Params {
  inner: u32, // K
  steps: u32, // ceil(K / 4)
  groups_in: u32, // ceil(K / 32)
}

@group(0) @binding(2) var<storage, read_write> q: array<u32>;
@group(0) @binding(3) var<storage, read_write> scale: array<f32>;

fn element(at: u32) {
  let row = at / params.groups_in;
  let first = at % params.groups_in * 8u;
  let end = min(first + 8u, params.steps);
  var most = vec4<f32>();
  for (var step = first; step < end; step++) {
    most = max(most, abs(read_x(row, step)));
  }
  let scales = int8_group_scales(most);
  scale[at] = scales.x;
  let words = row * params.groups_in * 8u;
  for (var step = first; step < end; step++) {
    q[words + step] = int8_word(read_x(row, step), scales.y);
  }
  for (var step = end; step < first + 8u; step++) {
    q[words + step] = 0u;
  }
}
