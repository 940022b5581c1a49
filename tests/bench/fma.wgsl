// fma: sums[i] = the total of eight vec4 sums after `rounds` rounds of multiply-adds; no memory is read
// sums: [invocations] vec4<f32>
// prelude: WG
struct Params {
  rounds: u32,
}
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> sums: array<vec4f>;

@compute @workgroup_size(WG)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let by = vec4f(0.999f, 0.998f, 0.997f, 0.996f);
  let plus = vec4f(f32(id.x & 7u) * 0.125f);
  var a = plus; var b = plus + 1f; var c = plus + 2f; var d = plus + 3f;
  var e = plus + 4f; var f = plus + 5f; var g = plus + 6f; var h = plus + 7f;
  for (var i = 0u; i < params.rounds; i++) {
    a = fma(a, by, plus); b = fma(b, by, plus); c = fma(c, by, plus); d = fma(d, by, plus);
    e = fma(e, by, plus); f = fma(f, by, plus); g = fma(g, by, plus); h = fma(h, by, plus);
  }
  sums[id.x] = a + b + c + d + e + f + g + h;
}
