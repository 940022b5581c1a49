// linear_int8_dp4a: linear with int8 activations: y[m, o] = act(sum over g of xs[m, g] * ws[o, g] * (sum over k of group g of xq[m, k] * wq[o, k]) + b[o]),
// or y[m, o] += gate[m, o] * that
// xq, xs: quantize_activations' q [M, groups * 32] i8 and scale [M, groups] f32, groups = ceil(K / 32); y: [M, O] out_elem; w: panels of 8 outputs,
// [O/8][K][8] i8 | i4; b: f32; a group's sum is exact, i32, all groups' is f32
// one workgroup: a tile of 64 rows x 64 outputs; a group of 32 inputs at a time passes through workgroup memory, where four neighboring
// inputs of an output are a word; each of its 128 invocations keeps 8 rows x 4 outputs in registers
// dispatch (ceil(rows / 64), ceil(panels / 8), 1)
// prelude: out_elem = f16 | f32, OUT_F16 = bool
// libs: linear_shared, linear_w_{i8,i4}, activation, linear_y_{vec4,scalar}
// x is quantized by a kernel of its own and not while a tile is staged, where each of O/64 tiles would repeat it and find each group's
// maximum behind a barrier. Quantized once, x is a quarter or half of the bytes to read, and serves every layer that reads it.
// a word read from workgroup memory serves 2.7 dot products of four (8 rows and 4 outputs: 96 words for 256). 8 x 8 sums would make that 4
// and take 64 registers more; reading is not the limit, because lanes of a subgroup read the same words

@group(0) @binding(1) var<storage, read> x: array<vec4<u32>>; // two a group
@group(0) @binding(8) var<storage, read> x_scale: array<f32>;

const W_STRIDE = 18u; // vec4s of four inputs in w_tile: two more than its sixteen, which puts neighboring writes into different banks
var<workgroup> x_tile: array<vec4<u32>, 128>; // [64 rows][2]
var<workgroup> x_scale_tile: array<f32, 64>;
var<workgroup> w_tile: array<vec4<u32>, 144>; // [8 words of four inputs][W_STRIDE], four neighboring outputs in a vec4

/// Four words of four bytes, word i having byte i of each.
fn transposed(words: vec4<u32>) -> vec4<u32> {
  let even = (words.xz & vec2<u32>(0x00ff00ffu)) | ((words.yw & vec2<u32>(0x00ff00ffu)) << vec2<u32>(8u));
  let odd = ((words.xz >> vec2<u32>(8u)) & vec2<u32>(0x00ff00ffu)) | (words.yw & vec2<u32>(0xff00ff00u));
  return vec4<u32>(
    (even.x & 0xffffu) | (even.y << 16u),
    (odd.x & 0xffffu) | (odd.y << 16u),
    (even.x >> 16u) | (even.y & 0xffff0000u),
    (odd.x >> 16u) | (odd.y & 0xffff0000u),
  );
}

/// Four inputs of a row with the same of four outputs.
fn dots(x_word: u32, w_words: vec4<u32>) -> vec4<i32> {
  return vec4<i32>(
    dot4I8Packed(x_word, w_words.x),
    dot4I8Packed(x_word, w_words.y),
    dot4I8Packed(x_word, w_words.z),
    dot4I8Packed(x_word, w_words.w),
  );
}

struct Columns { // a group's inputs of four outputs
  k0: vec4<u32>, k4: vec4<u32>, k8: vec4<u32>, k12: vec4<u32>,
  k16: vec4<u32>, k20: vec4<u32>, k24: vec4<u32>, k28: vec4<u32>,
}

/// The group's sum for a row of the tile, before the weights' scale.
fn group_sum(row: u32, w_group: Columns) -> vec4<f32> {
  let a = x_tile[row * 2u];
  let b = x_tile[row * 2u + 1u];
  let sum = dots(a.x, w_group.k0) + dots(a.y, w_group.k4) + dots(a.z, w_group.k8) + dots(a.w, w_group.k12)
    + dots(b.x, w_group.k16) + dots(b.y, w_group.k20) + dots(b.z, w_group.k24) + dots(b.w, w_group.k28);
  return vec4<f32>(sum) * x_scale_tile[row];
}

@compute @workgroup_size(128)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
  let first_row = params.row_offset + group.x * 64u;
  let first_panel = params.panel_offset + group.y * 8u;
  let last_panel = params.panel_end - 1u;
  let tile_row = local / 16u; // this invocation's rows are tile_row + 8 r
  let tile_column = local % 16u; // and its outputs a column of four
  let groups = (params.inner + 31u) / 32u;

  var a0 = vec4<f32>(); var a1 = vec4<f32>(); var a2 = vec4<f32>(); var a3 = vec4<f32>();
  var a4 = vec4<f32>(); var a5 = vec4<f32>(); var a6 = vec4<f32>(); var a7 = vec4<f32>();

  for (var g = 0u; g < groups; g++) {
    let x_row = min(first_row + local / 2u, params.row_end - 1u);
    x_tile[local] = x[(x_row * groups + g) * 2u + local % 2u];
    if (local % 2u == 0u) {
      x_scale_tile[local / 2u] = x_scale[x_row * groups + g];
    }
    // neighboring invocations read neighboring bytes of a panel
    let panel = min(first_panel + local / 16u, last_panel);
    let half = local % 2u;
    let word = local / 2u % 8u;
    // past the last row of w any value is correct: x is zero there
    let k = min(g * 8u + word, params.steps - 1u) * 4u;
    w_tile[word * W_STRIDE + local / 16u * 2u + half] =
      transposed(vec4<u32>(read_int8(panel, k, half), read_int8(panel, k + 1u, half), read_int8(panel, k + 2u, half), read_int8(panel, k + 3u, half)));
    workgroupBarrier();
    let at = tile_column;
    let w_group = Columns(
      w_tile[at], w_tile[at + W_STRIDE], w_tile[at + 2u * W_STRIDE], w_tile[at + 3u * W_STRIDE],
      w_tile[at + 4u * W_STRIDE], w_tile[at + 5u * W_STRIDE], w_tile[at + 6u * W_STRIDE], w_tile[at + 7u * W_STRIDE],
    );
    let w_scale = group_scale(min(first_panel + tile_column / 2u, last_panel), g, tile_column % 2u) * INT8_UNIT;
    a0 += group_sum(tile_row, w_group) * w_scale;
    a1 += group_sum(tile_row + 8u, w_group) * w_scale;
    a2 += group_sum(tile_row + 16u, w_group) * w_scale;
    a3 += group_sum(tile_row + 24u, w_group) * w_scale;
    a4 += group_sum(tile_row + 32u, w_group) * w_scale;
    a5 += group_sum(tile_row + 40u, w_group) * w_scale;
    a6 += group_sum(tile_row + 48u, w_group) * w_scale;
    a7 += group_sum(tile_row + 56u, w_group) * w_scale;
    workgroupBarrier();
  }

  let row = first_row + tile_row;
  let column = first_panel * 2u + tile_column;
  // a loop that shifts the sums along instead of eight copies of its body, which take software adapters seconds to compile
  for (var r = row; r < min(row + 64u, params.row_end); r += 8u) {
    finish(r, column, a0);
    a0 = a1; a1 = a2; a2 = a3; a3 = a4; a4 = a5; a5 = a6; a6 = a7;
  }
}
