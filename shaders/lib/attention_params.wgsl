// what the kernels of attention share: what is bound, and the constants of the softmax
struct Params {
  first_group: u32,
  end_group: u32,
  queries: u32, // N
  keys: u32, // M
  heads: u32,
  query_blocks: u32, // ceil(N / queries of a workgroup)
  scale: f32, // times log2(e): the softmax is taken in powers of two
  // HEAD, the vec4s staged for the scores and VALUE_KEYS again, as trip counts: software adapters unroll constant loops of this size, and
  // then compile for 16 s instead of 2 s what runs slower
  head: u32,
  staged: u32,
  value_keys: u32,
}
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> q: array<vec4<elem>>;
@group(0) @binding(2) var<storage, read> k: array<vec4<elem>>;
@group(0) @binding(3) var<storage, read> v: array<vec4<elem>>;
@group(0) @binding(4) var<storage, read> mask: array<u32>;
@group(0) @binding(5) var<storage, read_write> o: array<vec4<elem>>;
@group(0) @binding(6) var<storage, read> bias: array<f32>;

const LOG2_E = 1.4426950408889634f;
const LOWEST = -1e30f; // below every score, and finite: Inf − Inf has no value

// bias of this key with queries query + a·step (a < 4), as the scores are: times log2(e). What lies past the end is not used.
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
