// elementwise_binary: OP 0: y[i] = a[i] + b[i % period]
//                     OP 1: y[i] = a[i] * b[c] + b[period + c], c = i % period (an affine map a channel, channels last)
//                     OP 2: y[i] = a[i] * b[i % period]
//                     OP 3: y[i] = a[i] - b[i % period]
// a, y: [COUNT] elem; b: [period] f32 for OP 0, 2 and 3, [2, period] f32 for OP 1; computed in f32
// one invocation four elements, a workgroup 64 of them; workgroups as dispatch-groups.ts folds them
// prelude: elem = f16 | f32, OP, OUT_F16 = bool

struct Dims {
  first_group: u32,
  end_group: u32,
  count: u32,
  period: u32,
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> a: array<elem>;
@group(0) @binding(2) var<storage, read> b: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<elem>;

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
    let c = at % dims.period;
    var value = f32(a[at]);
    if (OP == 0u) {
      value += b[c];
    } else if (OP == 1u) {
      value = value * b[c] + b[dims.period + c];
    } else if (OP == 2u) {
      value *= b[c];
    } else {
      value -= b[c];
    }
    if (OUT_F16) {
      value = clamp(value, -65504.0, 65504.0); // beyond lies infinity
    }
    y[at] = elem(value);
  }
}
