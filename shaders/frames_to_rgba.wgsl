// frames_to_rgba: y[pixel] = red | green << 8 | blue << 16 | 255 << 24, each round((clamp(x, -1, 1) + 1) * 127.5)
// x: [F, H, W, 3] elem in -1..1; y: [F, H, W] u32, in memory the bytes R, G, B, A
// one invocation a pixel, a workgroup 64 of them; workgroups as dispatch-groups.ts folds them
// prelude: elem = f16 | f32; lib: levels

struct Dims {
  first_group: u32,
  end_group: u32,
  count: u32,
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> x: array<elem>;
@group(0) @binding(2) var<storage, read_write> y: array<u32>;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) block: vec3<u32>,
  @builtin(num_workgroups) grid: vec3<u32>,
  @builtin(local_invocation_index) lane: u32,
) {
  let workgroup = dims.first_group + block.x + block.y * grid.x;
  let at = workgroup * 64u + lane;
  if (workgroup >= dims.end_group || at >= dims.count) {
    return;
  }
  let colour = vec3<f32>(f32(x[at * 3u]), f32(x[at * 3u + 1u]), f32(x[at * 3u + 2u]));
  let bytes = levels(colour);
  y[at] = bytes.x | (bytes.y << 8u) | (bytes.z << 16u) | 0xff000000u;
}
