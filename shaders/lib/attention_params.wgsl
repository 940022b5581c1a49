// attention_params: the uniforms, bindings and softmax constants of the attention kernels
struct Params {
  queries: u32, // N
  keys: u32, // M
  heads: u32,
  query_blocks: u32, // ceil(N / queries of a workgroup)
  scale: f32, // times log2(e): the softmax is taken in powers of two
  // HEAD, the vec4s staged for the scores and VALUE_KEYS as uniforms, for trip counts: software adapters unroll loops over constants of this
  // size, which takes 16 s instead of 2 s to compile and runs slower
  head: u32,
  staged: u32,
  value_keys: u32,
}
@group(0) @binding(1) var<storage, read> q: array<vec4<elem>>;
@group(0) @binding(2) var<storage, read> k: array<vec4<elem>>;
@group(0) @binding(3) var<storage, read> v: array<vec4<elem>>;
@group(0) @binding(4) var<storage, read> mask: array<u32>;
@group(0) @binding(5) var<storage, read_write> o: array<vec4<elem>>;
@group(0) @binding(6) var<storage, read> bias: array<f32>;

const LOG2_E = 1.4426950408889634f;
const LOWEST = -1e30f; // below every score, and finite: Inf − Inf has no value

/// Bias of this key with queries query + a·step (a < 4), times log2(e) as the scores are. Values past the end are not used.
fn biases(head: u32, query: u32, step: u32, key: u32) -> vec4f {
  let last = params.queries - 1u;
  let start = head * (params.queries + params.keys - 1u) + min(key, params.keys - 1u) + last;
  return LOG2_E * vec4f(
    bias[start - min(query, last)],
    bias[start - min(query + step, last)],
    bias[start - min(query + 2u * step, last)],
    bias[start - min(query + 3u * step, last)],
  );
}

fn write(at: u32, value: vec4f) {
  var result = value;
  if (OUT_F16) {
    result = clamp(result, vec4f(-65504), vec4f(65504));
  }
  o[at] = vec4<elem>(result);
}
