// attention_no_smem: o[b,n,h] = Σ_m softmax_m(scale · q[b,n,h]·k[b,m,h] + bias[h, m − n + N − 1]) v[b,m,h] over the kept keys; 0 where no
//   key is kept
// shapes, mask and bias as in attention.wgsl; accumulates in f32
// for software adapters, whose workgroup memory is ordinary memory: no barriers, no workgroup memory. One invocation does 8 queries of one
// head, KEYS keys at a time: scores of 8 queries × 8 keys in registers, which move to a local array and become weights there, then sums of
// 8 queries × 8 columns in registers over all these keys. All invocations of a workgroup read the same addresses of k and v.
// The softmax is online, so that no memory grows with N·M.
// One workgroup does 8·WG queries; groups as in attention.wgsl
// prelude: elem = f16 | f32; OUT_F16, HAS_MASK, HAS_BIAS = bool; HEAD; WG; KEYS, a multiple of 8. Without HAS_MASK the mask is not read, without
//   HAS_BIAS the bias.
// libs: attention_params, groups
// sums are unrolled by hand, and loops shift them along where all eight are stored: see linear_no_smem
const ROWS = 8u;
const STRIDE = HEAD + HEAD % 2u; // columns pass in twos

fn run(group: u32, local: u32) {
  let first_query = ((group % params.query_blocks) * WG + local) * ROWS;
  if (first_query >= params.queries) {
    return;
  }
  let rows = min(ROWS, params.queries - first_query);
  let head = (group / params.query_blocks) % params.heads;
  let batch = group / (params.query_blocks * params.heads);
  let stride = params.heads * HEAD;
  let key_row = batch * params.keys;
  let first_at = (batch * params.queries + first_query) * stride + head * HEAD;
  let q0 = first_at;
  let q1 = first_at + min(1u, rows - 1u) * stride;
  let q2 = first_at + min(2u, rows - 1u) * stride;
  let q3 = first_at + min(3u, rows - 1u) * stride;
  let q4 = first_at + min(4u, rows - 1u) * stride;
  let q5 = first_at + min(5u, rows - 1u) * stride;
  let q6 = first_at + min(6u, rows - 1u) * stride;
  let q7 = first_at + min(7u, rows - 1u) * stride;

  var weights: array<vec4f, 2u * KEYS>; // of key j with queries 0 … 3 and 4 … 7 at 2·j and 2·j + 1; scores at first
  var sums: array<vec4f, ROWS * STRIDE>; // results, not yet divided by the total
  var highest_lo = vec4f(LOWEST);
  var highest_hi = vec4f(LOWEST);
  var total_lo = vec4f();
  var total_hi = vec4f();
  for (var first = 0u; first < params.keys; first += KEYS) {
    var here = min(KEYS, params.keys - first);
    if (HAS_MASK) {
      // up to the last key that is kept: skips padding at the end of a text
      while (here > 0u && mask[key_row + first + here - 1u] == 0u) {
        here--;
      }
      if (here == 0u) {
        continue;
      }
    }

    var top_lo = highest_lo;
    var top_hi = highest_hi;
    for (var part = 0u; part < here; part += 8u) {
      let start = (key_row + first + part) * stride + head * HEAD;
      let last = here - part - 1u;
      let k0 = start;
      let k1 = start + min(1u, last) * stride;
      let k2 = start + min(2u, last) * stride;
      let k3 = start + min(3u, last) * stride;
      let k4 = start + min(4u, last) * stride;
      let k5 = start + min(5u, last) * stride;
      let k6 = start + min(6u, last) * stride;
      let k7 = start + min(7u, last) * stride;
      // scores of query r with keys 0 … 3 and 4 … 7 of these eight: a⟨r⟩ and b⟨r⟩
      var a0 = vec4f(); var a1 = vec4f(); var a2 = vec4f(); var a3 = vec4f();
      var a4 = vec4f(); var a5 = vec4f(); var a6 = vec4f(); var a7 = vec4f();
      var b0 = vec4f(); var b1 = vec4f(); var b2 = vec4f(); var b3 = vec4f();
      var b4 = vec4f(); var b5 = vec4f(); var b6 = vec4f(); var b7 = vec4f();
      for (var i = 0u; i < params.head; i++) {
        let ka = mat4x4f(vec4f(k[k0 + i]), vec4f(k[k1 + i]), vec4f(k[k2 + i]), vec4f(k[k3 + i]));
        let kb = mat4x4f(vec4f(k[k4 + i]), vec4f(k[k5 + i]), vec4f(k[k6 + i]), vec4f(k[k7 + i]));
        let x0 = vec4f(q[q0 + i]); a0 += x0 * ka; b0 += x0 * kb;
        let x1 = vec4f(q[q1 + i]); a1 += x1 * ka; b1 += x1 * kb;
        let x2 = vec4f(q[q2 + i]); a2 += x2 * ka; b2 += x2 * kb;
        let x3 = vec4f(q[q3 + i]); a3 += x3 * ka; b3 += x3 * kb;
        let x4 = vec4f(q[q4 + i]); a4 += x4 * ka; b4 += x4 * kb;
        let x5 = vec4f(q[q5 + i]); a5 += x5 * ka; b5 += x5 * kb;
        let x6 = vec4f(q[q6 + i]); a6 += x6 * ka; b6 += x6 * kb;
        let x7 = vec4f(q[q7 + i]); a7 += x7 * ka; b7 += x7 * kb;
      }
      for (var j = part; j < min(part + 8u, here); j++) {
        var lo = params.scale * vec4f(a0.x, a1.x, a2.x, a3.x);
        var hi = params.scale * vec4f(a4.x, a5.x, a6.x, a7.x);
        if (HAS_BIAS) {
          lo += biases(head, first_query, 1u, first + j);
          hi += biases(head, first_query + 4u, 1u, first + j);
        }
        if (HAS_MASK) {
          // its weight becomes 0: at least one key of this block is kept
          let keep = mask[key_row + first + j] != 0u;
          lo = select(vec4f(LOWEST), lo, keep);
          hi = select(vec4f(LOWEST), hi, keep);
        }
        top_lo = max(top_lo, lo);
        top_hi = max(top_hi, hi);
        weights[2u * j] = lo;
        weights[2u * j + 1u] = hi;
        a0 = vec4f(a0.yzw, b0.x); a1 = vec4f(a1.yzw, b1.x); a2 = vec4f(a2.yzw, b2.x); a3 = vec4f(a3.yzw, b3.x);
        a4 = vec4f(a4.yzw, b4.x); a5 = vec4f(a5.yzw, b5.x); a6 = vec4f(a6.yzw, b6.x); a7 = vec4f(a7.yzw, b7.x);
        b0 = b0.yzww; b1 = b1.yzww; b2 = b2.yzww; b3 = b3.yzww; b4 = b4.yzww; b5 = b5.yzww; b6 = b6.yzww; b7 = b7.yzww;
      }
    }

    let rescale_lo = exp2(highest_lo - top_lo);
    let rescale_hi = exp2(highest_hi - top_hi);
    highest_lo = top_lo;
    highest_hi = top_hi;
    total_lo *= rescale_lo;
    total_hi *= rescale_hi;
    for (var j = 0u; j < here; j++) {
      let lo = exp2(weights[2u * j] - top_lo);
      let hi = exp2(weights[2u * j + 1u] - top_hi);
      total_lo += lo;
      total_hi += hi;
      weights[2u * j] = lo;
      weights[2u * j + 1u] = hi;
    }

    for (var n = 0u; n < params.head; n += 2u) {
      // the sums of these keys for query r at columns 4·n … 4·n + 3 and the next four: a⟨r⟩ and b⟨r⟩
      var a0 = vec4f(); var a1 = vec4f(); var a2 = vec4f(); var a3 = vec4f();
      var a4 = vec4f(); var a5 = vec4f(); var a6 = vec4f(); var a7 = vec4f();
      var b0 = vec4f(); var b1 = vec4f(); var b2 = vec4f(); var b3 = vec4f();
      var b4 = vec4f(); var b5 = vec4f(); var b6 = vec4f(); var b7 = vec4f();
      let v0 = (key_row + first) * stride + head * HEAD + n;
      let v1 = v0 + min(1u, HEAD - 1u - n);
      for (var j = 0u; j < here; j++) {
        let va = vec4f(v[v0 + j * stride]);
        let vb = vec4f(v[v1 + j * stride]);
        let lo = weights[2u * j];
        a0 += va * lo.x; b0 += vb * lo.x;
        a1 += va * lo.y; b1 += vb * lo.y;
        a2 += va * lo.z; b2 += vb * lo.z;
        a3 += va * lo.w; b3 += vb * lo.w;
        let hi = weights[2u * j + 1u];
        a4 += va * hi.x; b4 += vb * hi.x;
        a5 += va * hi.y; b5 += vb * hi.y;
        a6 += va * hi.z; b6 += vb * hi.z;
        a7 += va * hi.w; b7 += vb * hi.w;
      }
      var lo = rescale_lo;
      var hi = rescale_hi;
      for (var r = 0u; r < rows; r++) {
        let at = r * STRIDE + n;
        sums[at] = sums[at] * lo.x + a0;
        sums[at + 1u] = sums[at + 1u] * lo.x + b0;
        lo = vec4f(lo.yzw, hi.x); hi = hi.yzww;
        a0 = a1; a1 = a2; a2 = a3; a3 = a4; a4 = a5; a5 = a6; a6 = a7;
        b0 = b1; b1 = b2; b2 = b3; b3 = b4; b4 = b5; b5 = b6; b6 = b7;
      }
    }
  }

  for (var r = 0u; r < rows; r++) {
    let factor = select(0f, 1f / total_lo.x, total_lo.x > 0f);
    for (var n = 0u; n < params.head; n++) {
      write(first_at + r * stride + n, sums[r * STRIDE + n] * factor);
    }
    total_lo = vec4f(total_lo.yzw, total_hi.x); total_hi = total_hi.yzww;
  }
}
