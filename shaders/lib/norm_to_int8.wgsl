// norm, a result of int8 codes, as quantize_activations makes them of floats: a linear layer that multiplies codes needs no others
// q: [R, ceil(D / 32) * 32] i8, zeros past D; code_scale: [R, ceil(D / 32)] f32; D % 4 == 0
// an invocation takes a group of 32 channels by itself: no barrier, and what its neighbours leave of a cache line it reads next
// lib: int8_group
@group(0) @binding(6) var<storage, read_write> q: array<u32>;
@group(0) @binding(7) var<storage, read_write> code_scale: array<f32>;

fn write_row(row: NormRow, lane: u32) {
  let groups = (params.items + 7u) / 8u;
  for (var group = lane; group < groups; group += LANES) {
    let first = group * 8u;
    let end = min(first + 8u, params.items);
    var most = vec4<f32>();
    for (var i = first; i < end; i++) {
      most = max(most, abs(normed(row, i)));
    }
    let scale = group_scale(most);
    code_scale[row.index * groups + group] = scale.x;
    let words = row.index * groups * 8u;
    for (var i = first; i < end; i++) {
      q[words + i] = code_word(normed(row, i), scale.y);
    }
    for (var i = end; i < first + 8u; i++) {
      q[words + i] = 0u;
    }
  }
}
