// relative_l1: the sums of a relative L1 distance, by chunks: y[g] = (Σ |now − before|, Σ |before|)
// now, before: [COUNT] f32; y: [G, 2] f32, G = COUNT / CHUNK rounded up, the last chunk may be shorter
// one workgroup: a chunk
// prelude: LANES = WG; CHUNK = elements of a chunk
// libs: row_sum, groups

struct Params {
  count: u32,
}

@group(0) @binding(1) var<storage, read> now: array<f32>;
@group(0) @binding(2) var<storage, read> before: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<vec2<f32>>;

fn run(group: u32, local: u32) {
  let start = group * CHUNK;
  let end = min(start + CHUNK, params.count);
  var distance = 0f;
  var norm = 0f;
  for (var at = start + local; at < end; at += WG) {
    distance += abs(now[at] - before[at]);
    norm += abs(before[at]);
  }
  let total_distance = row_sum(local, distance);
  let total_norm = row_sum(local, norm);
  if (local == 0u) {
    y[group] = vec2<f32>(total_distance, total_norm);
  }
}
