// moments: the mean of each chunk of x and the sum of squared distances from it: y[g] = (mean_g, Σ (x − mean_g)²)
//   the mean is taken first, for a one-pass variance cancels; guidance_rescale merges the chunks
// x: [COUNT] f32; y: [G, 2] f32, G = COUNT / CHUNK rounded up, the last chunk perhaps shorter
// one workgroup one chunk; workgroups as dispatch-groups.ts folds them
// prelude: WG, LANES = 64; CHUNK = elements of a chunk
// lib: row_sum

struct Dims {
  first_group: u32,
  end_group: u32,
  count: u32,
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) block: vec3<u32>,
  @builtin(num_workgroups) grid: vec3<u32>,
  @builtin(local_invocation_index) lane: u32,
) {
  let chunk = dims.first_group + block.x + block.y * grid.x;
  if (chunk >= dims.end_group) {
    return;
  }
  let start = chunk * CHUNK;
  let end = min(start + CHUNK, dims.count);
  var sum = 0f;
  for (var at = start + lane; at < end; at += WG) {
    sum += x[at];
  }
  let mean = row_sum(lane, sum) / f32(end - start);
  var squares = 0f;
  for (var at = start + lane; at < end; at += WG) {
    squares += (x[at] - mean) * (x[at] - mean);
  }
  let total = row_sum(lane, squares);
  if (lane == 0u) {
    y[chunk * 2u] = mean;
    y[chunk * 2u + 1u] = total;
  }
}
