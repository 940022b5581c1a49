// guidance_rescale: y[0] = amount · std(wanted) / std(x) + 1 − amount   (Lin et al., "Common diffusion noise schedules…", 2023, section 3.4)
//   chunks merge as Chan et al. (1979) have it: Σ (x − mean)² = Σ_g own_g + count_g · (mean_g − mean)²
// x, wanted: [G, 2] f32, what spread makes of two tensors of COUNT elements; y: [1] f32, 1 where x has no spread
// one workgroup
// prelude: WG, LANES = 64; CHUNK = elements of a chunk, of which the last has perhaps fewer
// lib: row_sum

struct Dims {
  first_group: u32, // always 0: there is one group
  end_group: u32,
  count: u32,
  chunks: u32, // G
  amount: f32,
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> x: array<vec2<f32>>;
@group(0) @binding(2) var<storage, read> wanted: array<vec2<f32>>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;

fn elements(chunk: u32) -> f32 {
  return f32(min(CHUNK, dims.count - chunk * CHUNK));
}

@compute @workgroup_size(WG)
fn main(@builtin(local_invocation_index) lane: u32) {
  var sums = vec2<f32>(0f);
  for (var g = lane; g < dims.chunks; g += WG) {
    sums += elements(g) * vec2<f32>(x[g].x, wanted[g].x);
  }
  let means = vec2<f32>(row_sum(lane, sums.x), row_sum(lane, sums.y)) / f32(dims.count);
  var squares = vec2<f32>(0f);
  for (var g = lane; g < dims.chunks; g += WG) {
    let apart = vec2<f32>(x[g].x, wanted[g].x) - means;
    squares += vec2<f32>(x[g].y, wanted[g].y) + elements(g) * apart * apart;
  }
  let own = row_sum(lane, squares.x);
  let goal = row_sum(lane, squares.y);
  if (lane == 0u) {
    var ratio = 1f;
    if (own > 0f) {
      ratio = sqrt(goal / own);
    }
    y[0] = dims.amount * ratio + (1f - dims.amount);
  }
}
