// elementwise_unary: y[i] = f(x[i]); f: OP 0 copies (a cast), 1 is SiLU, 2 is GELU in its tanh form
// x: [COUNT] elem_x; y: [COUNT] elem_y; computed in f32
// one invocation four elements, a workgroup 64 of them; workgroups as dispatch-groups.ts folds them
// prelude: elem_x, elem_y = f16 | f32, OP, OUT_F16 = bool; lib: activation

struct Dims {
  first_group: u32,
  end_group: u32,
  count: u32,
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> x: array<elem_x>;
@group(0) @binding(2) var<storage, read_write> y: array<elem_y>;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) block: vec3<u32>,
  @builtin(num_workgroups) grid: vec3<u32>,
  @builtin(local_invocation_index) lane: u32,
) {
  let workgroup = dims.first_group + block.x + block.y * grid.x;
  if (workgroup >= dims.end_group) {
    return;
  }
  let first = (workgroup * 64u + lane) * 4u;
  for (var at = first; at < min(first + 4u, dims.count); at++) {
    var value = f32(x[at]);
    if (OP == 1u) {
      value = silu(vec4<f32>(value)).x;
    } else if (OP == 2u) {
      value = gelu_tanh(vec4<f32>(value)).x;
    }
    if (OUT_F16) {
      value = clamp(value, -65504.0, 65504.0); // beyond lies infinity
    }
    y[at] = elem_y(value);
  }
}
