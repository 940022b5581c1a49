// attention: o[b,n,h] = Σ_m softmax_m(scale · q[b,n,h]·k[b,m,h] + bias[h, m − n + N − 1]) v[b,m,h] over the kept keys; 0 where no
//   key is kept
// q, o: [B, N, H·d] elem; k, v: [B, M, H·d] elem; mask: [B, M] u32, 1 = keep; d = 4·HEAD; accumulates in f32
// bias: [H, N + M − 1] f32, added to a score by the distance from query to key
// Keys pass through workgroup memory in tiles and the softmax is online, so that no memory grows with N·M.
// One workgroup of TX · TY = WG does QUERIES = 4·TY queries of one head, KEYS = 4·TX keys at a time. Invocation (tx, ty) computes the
// scores of queries ty + a·TY with keys tx + b·TX (a, b < 4), then the columns tx + n·TX (n < COLUMNS) of those queries' results:
// every vec4 read from workgroup memory is used for 16 multiplications or more.
// With RESIDENT (variant tiled_resident_q) the queries stay in workgroup memory for all tiles of keys; without it (tiled) queries and keys
// are staged again for each CHUNK of each tile, which fits into the 14 336 bytes that every adapter has.
// With WG = 128 (tiled_128) a tile has twice the keys, and for heads over 64 twice the queries: keys and values are staged for at least as
// many queries with half the barriers.
// Software adapters use attention_no_smem: a read from workgroup memory costs them far more than a multiplication.
// group = (b · H + h) · query_blocks + block
// prelude: elem = f16 | f32; held = f32 | elem, the type of q, k and v in workgroup memory; OUT_F16, HAS_MASK, HAS_BIAS, RESIDENT = bool;
//   HEAD; WG = 64 | 128; TX = 4 | 8, with HEAD ≤ 4·TX; CHUNK = vec4s of d staged at a time for the scores, HEAD with RESIDENT;
//   VALUE_KEYS = keys staged at a time for the sums, a divisor of KEYS, whose values fit into the stage. Without HAS_MASK the mask is not
//   read, without HAS_BIAS the bias.
// libs: attention_params, groups
const TY = WG / TX;
const QUERIES = TY * 4u;
const KEYS = TX * 4u;
const COLUMNS = (HEAD + TX - 1u) / TX; // 1 … 4
const STRIDE = CHUNK | 1u; // odd, which puts neighboring rows into different banks
const FIRST_KEY = select(QUERIES, 0u, RESIDENT); // staged rows of queries in front of the keys
const STAGE = (FIRST_KEY + KEYS) * STRIDE;
var<workgroup> stage: array<vec4<held>, STAGE>;
var<workgroup> resident: array<vec4<held>, select(1u, QUERIES * STRIDE, RESIDENT)>;
var<workgroup> weights: array<vec4f, KEYS * TY>;
var<workgroup> tops: array<vec4f, WG>;

// column i = a · b[i]
fn outer(a: vec4f, b: vec4f) -> mat4x4f {
  return mat4x4f(a * b.x, a * b.y, a * b.z, a * b.w);
}
// column i times b[i]
fn scaled(m: mat4x4f, b: vec4f) -> mat4x4f {
  return mat4x4f(m[0] * b.x, m[1] * b.y, m[2] * b.z, m[3] * b.w);
}
fn query(at: u32) -> vec4f {
  if (RESIDENT) {
    return vec4f(resident[at]);
  }
  return vec4f(stage[at]);
}
fn staged(at: u32) -> vec4f {
  return vec4f(stage[at]);
}

fn run(group: u32, local: u32) {
  let first_query = (group % params.query_blocks) * QUERIES;
  let head = (group / params.query_blocks) % params.heads;
  let batch = group / (params.query_blocks * params.heads);
  let stride = params.heads * HEAD;
  let query_row = batch * params.queries;
  let key_row = batch * params.keys;
  let tx = local % TX;
  let ty = local / TX;

  // results, not yet divided by the total: column a of o⟨n⟩ is query ty + a·TY at columns 4·(tx + n·TX) … + 3 of the head
  var o0 = mat4x4f();
  var o1 = mat4x4f();
  var o2 = mat4x4f();
  var o3 = mat4x4f();
  var highest = vec4f(LOWEST);
  var total = vec4f(); // over this invocation's own keys; summed over tx at the end

  if (RESIDENT) {
    for (var i = local; i < QUERIES * params.head; i += WG) {
      let row = i / HEAD;
      let at = (query_row + min(first_query + row, params.queries - 1u)) * stride + head * HEAD + i % HEAD;
      resident[row * STRIDE + i % HEAD] = vec4<held>(q[at]);
    }
  }
  for (var first = 0u; first < params.keys; first += KEYS) {
    // one bit a key of this tile, the same in all invocations
    let here = min(KEYS, params.keys - first);
    var kept = 0xffffffffu >> (32u - here);
    if (HAS_MASK) {
      for (var j = 0u; j < here; j++) {
        kept &= ~(select(1u, 0u, mask[key_row + first + j] != 0u) << j);
      }
      if (kept == 0u) {
        continue; // skips padding at the end of a text
      }
    }

    // scores: one vec4 of queries a key
    var s0 = vec4f();
    var s1 = vec4f();
    var s2 = vec4f();
    var s3 = vec4f();
    for (var chunk = 0u; chunk < params.head; chunk += CHUNK) {
      workgroupBarrier();
      for (var i = local; i < params.staged; i += WG) {
        let row = i / CHUNK;
        let column = head * HEAD + min(chunk + i % CHUNK, HEAD - 1u);
        if (row < FIRST_KEY) {
          stage[row * STRIDE + i % CHUNK] = vec4<held>(q[(query_row + min(first_query + row, params.queries - 1u)) * stride + column]);
        } else {
          stage[row * STRIDE + i % CHUNK] = vec4<held>(k[(key_row + min(first + row - FIRST_KEY, params.keys - 1u)) * stride + column]);
        }
      }
      workgroupBarrier();
      let q_at = ty * STRIDE;
      let k_at = (FIRST_KEY + tx) * STRIDE;
      for (var i = 0u; i < min(CHUNK, params.head - chunk); i++) {
        let q0 = query(q_at + i);
        let q1 = query(q_at + i + TY * STRIDE);
        let q2 = query(q_at + i + 2u * TY * STRIDE);
        let q3 = query(q_at + i + 3u * TY * STRIDE);
        let k0 = staged(k_at + i);
        s0 += vec4f(dot(q0, k0), dot(q1, k0), dot(q2, k0), dot(q3, k0));
        let k1 = staged(k_at + i + TX * STRIDE);
        s1 += vec4f(dot(q0, k1), dot(q1, k1), dot(q2, k1), dot(q3, k1));
        let k2 = staged(k_at + i + 2u * TX * STRIDE);
        s2 += vec4f(dot(q0, k2), dot(q1, k2), dot(q2, k2), dot(q3, k2));
        let k3 = staged(k_at + i + 3u * TX * STRIDE);
        s3 += vec4f(dot(q0, k3), dot(q1, k3), dot(q2, k3), dot(q3, k3));
      }
    }

    s0 *= params.scale;
    s1 *= params.scale;
    s2 *= params.scale;
    s3 *= params.scale;
    if (HAS_BIAS) {
      s0 += biases(head, first_query + ty, TY, first + tx);
      s1 += biases(head, first_query + ty, TY, first + tx + TX);
      s2 += biases(head, first_query + ty, TY, first + tx + 2u * TX);
      s3 += biases(head, first_query + ty, TY, first + tx + 3u * TX);
    }
    let mine = kept >> tx;
    let keep0 = (mine & 1u) != 0u;
    let keep1 = (mine & (1u << TX)) != 0u;
    let keep2 = (mine & (1u << (2u * TX))) != 0u;
    let keep3 = (mine & (1u << (3u * TX))) != 0u;
    s0 = select(vec4f(LOWEST), s0, keep0);
    s1 = select(vec4f(LOWEST), s1, keep1);
    s2 = select(vec4f(LOWEST), s2, keep2);
    s3 = select(vec4f(LOWEST), s3, keep3);
    tops[local] = max(max(s0, s1), max(s2, s3));
    workgroupBarrier();
    var top = highest;
    for (var i = 0u; i < TX; i++) {
      top = max(top, tops[ty * TX + i]);
    }
    let rescale = exp2(highest - top);
    highest = top;
    s0 = select(vec4f(), exp2(s0 - top), keep0);
    s1 = select(vec4f(), exp2(s1 - top), keep1);
    s2 = select(vec4f(), exp2(s2 - top), keep2);
    s3 = select(vec4f(), exp2(s3 - top), keep3);
    total = total * rescale + s0 + s1 + s2 + s3;
    weights[tx * TY + ty] = s0;
    weights[(tx + TX) * TY + ty] = s1;
    weights[(tx + 2u * TX) * TY + ty] = s2;
    weights[(tx + 3u * TX) * TY + ty] = s3;

    o0 = scaled(o0, rescale);
    if (COLUMNS > 1u) { o1 = scaled(o1, rescale); }
    if (COLUMNS > 2u) { o2 = scaled(o2, rescale); }
    if (COLUMNS > 3u) { o3 = scaled(o3, rescale); }
    for (var part = 0u; part < KEYS; part += params.value_keys) {
      if (part > 0u) { workgroupBarrier(); }
      for (var i = local; i < params.value_keys * HEAD; i += WG) {
        stage[i] = vec4<held>(v[(key_row + min(first + part + i / HEAD, params.keys - 1u)) * stride + head * HEAD + i % HEAD]);
      }
      workgroupBarrier();
      for (var j = 0u; j < params.value_keys; j++) {
        let p = weights[(part + j) * TY + ty];
        o0 += outer(staged(j * HEAD + min(tx, HEAD - 1u)), p);
        if (COLUMNS > 1u) { o1 += outer(staged(j * HEAD + min(tx + TX, HEAD - 1u)), p); }
        if (COLUMNS > 2u) { o2 += outer(staged(j * HEAD + min(tx + 2u * TX, HEAD - 1u)), p); }
        if (COLUMNS > 3u) { o3 += outer(staged(j * HEAD + min(tx + 3u * TX, HEAD - 1u)), p); }
      }
    }
  }

  workgroupBarrier();
  tops[local] = total;
  workgroupBarrier();
  total = vec4f();
  for (var i = 0u; i < TX; i++) {
    total += tops[ty * TX + i];
  }
  let factor = select(vec4f(), 1f / total, total > vec4f());
  o0 = scaled(o0, factor);
  o1 = scaled(o1, factor);
  o2 = scaled(o2, factor);
  o3 = scaled(o3, factor);
  for (var a = 0u; a < 4u; a++) {
    let query = first_query + ty + a * TY;
    if (query < params.queries) {
      let at = (query_row + query) * stride + head * HEAD + tx;
      if (tx < HEAD) { write(at, o0[a]); }
      if (COLUMNS > 1u && tx + TX < HEAD) { write(at + TX, o1[a]); }
      if (COLUMNS > 2u && tx + 2u * TX < HEAD) { write(at + 2u * TX, o2[a]); }
      if (COLUMNS > 3u && tx + 3u * TX < HEAD) { write(at + 3u * TX, o3[a]); }
    }
  }
}
