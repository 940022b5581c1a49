// guidance_rescale: y[0] = amount · std(wanted) / std(x) + 1 − amount   (Lin et al., "Common diffusion noise schedules…", 2023, section 3.4)
//   chunks merge by Chan et al. (1979): Σ (x − mean)² = Σ_g own_g + count_g · (mean_g − mean)²
// x, wanted: [G, 2] f32, the moments of two tensors of COUNT elements; y: [1] f32, 1 where x has no deviation
// one workgroup in all
// prelude: LANES = WG; CHUNK = elements of a chunk; the last one may have fewer
// libs: row_sum, groups

struct Params {
  count: u32,
  chunks: u32, // G
  amount: f32,
}

@group(0) @binding(1) var<storage, read> x: array<vec2<f32>>;
@group(0) @binding(2) var<storage, read> wanted: array<vec2<f32>>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;

fn elements(chunk: u32) -> f32 {
  return f32(min(CHUNK, params.count - chunk * CHUNK));
}

fn run(group: u32, local: u32) {
  var sums = vec2<f32>(0f);
  for (var g = local; g < params.chunks; g += WG) {
    sums += elements(g) * vec2<f32>(x[g].x, wanted[g].x);
  }
  let means = vec2<f32>(row_sum(local, sums.x), row_sum(local, sums.y)) / f32(params.count);
  var squares = vec2<f32>(0f);
  for (var g = local; g < params.chunks; g += WG) {
    let distance = vec2<f32>(x[g].x, wanted[g].x) - means;
    squares += vec2<f32>(x[g].y, wanted[g].y) + elements(g) * distance * distance;
  }
  let own = row_sum(local, squares.x);
  let goal = row_sum(local, squares.y);
  if (local == 0u) {
    var ratio = 1f;
    if (own > 0f) {
      ratio = sqrt(goal / own);
    }
    y[0] = params.amount * ratio + (1f - params.amount);
  }
}
