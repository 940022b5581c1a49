// moments: the mean of each chunk of x and the sum of squared distances from it: y[g] = (mean_g, Σ (x − mean_g)²)
//   the mean comes first, because a one-pass variance suffers from cancellation; guidance_rescale merges the chunks
// x: [COUNT] f32; y: [G, 2] f32, G = COUNT / CHUNK rounded up, the last chunk may be shorter
// one workgroup: a chunk
// prelude: LANES = WG; CHUNK = elements of a chunk
// libs: row_sum, groups

struct Params {
  count: u32,
}

@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;

fn run(group: u32, local: u32) {
  let start = group * CHUNK;
  let end = min(start + CHUNK, params.count);
  var sum = 0f;
  for (var at = start + local; at < end; at += WG) {
    sum += x[at];
  }
  let mean = row_sum(local, sum) / f32(end - start);
  var squares = 0f;
  for (var at = start + local; at < end; at += WG) {
    squares += (x[at] - mean) * (x[at] - mean);
  }
  let total = row_sum(local, squares);
  if (local == 0u) {
    y[group * 2u] = mean;
    y[group * 2u + 1u] = total;
  }
}
