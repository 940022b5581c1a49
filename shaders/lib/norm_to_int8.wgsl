// norm, a result of quantized activations, as quantize_activations makes them: for linear layers of the variant int8_dp4a
// q: [R, ceil(D / 32) * 32] i8, zeros past D; q_scale: [R, ceil(D / 32)] f32; D % 4 == 0
// an invocation does a whole group of 32 channels: no barrier, and it reads the rest of a cache line next
// lib: int8_group
@group(0) @binding(6) var<storage, read_write> q: array<u32>;
@group(0) @binding(7) var<storage, read_write> q_scale: array<f32>;

fn write_row(row: NormRow, lane: u32) {
  let groups = (params.items + 7u) / 8u;
  for (var group = lane; group < groups; group += LANES) {
    let first = group * 8u;
    let end = min(first + 8u, params.items);
    var most = vec4<f32>();
    for (var i = first; i < end; i++) {
      most = max(most, abs(normed(row, i)));
    }
    let scales = int8_group_scales(most);
    q_scale[row.index * groups + group] = scales.x;
    let words = row.index * groups * 8u;
    for (var i = first; i < end; i++) {
      q[words + i] = int8_word(normed(row, i), scales.y);
    }
    for (var i = end; i < first + 8u; i++) {
      q[words + i] = 0u;
    }
  }
}
