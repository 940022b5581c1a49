// patchify: tokens[(f*H' + h)*W' + w, ((c*pt + dt)*p + dy)*p + dx] = latent[f*pt + dt, h*p + dy, w*p + dx, c], or back
// latent: [F, H, W, C] elem; tokens: [F' H' W', C*pt*p*p] elem with F' = F/pt, H' = H/p, W' = W/p
// one invocation an element of y, a workgroup 64 of them; workgroups as dispatch-groups.ts folds them
// prelude: elem = f16 | f32, TO_TOKENS = bool (x is the latent and y the tokens; else the other way round)

struct Dims {
  first_group: u32,
  end_group: u32,
  channels: u32,
  frames: u32,
  height: u32,
  width: u32,
  patch_time: u32,
  side: u32,
  count: u32,
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> x: array<elem>;
@group(0) @binding(2) var<storage, read_write> y: array<elem>;

fn latent_index_of_token(at: u32) -> u32 {
  let size = dims.channels * dims.patch_time * dims.side * dims.side;
  var inner = at % size;
  let dx = inner % dims.side;
  inner /= dims.side;
  let dy = inner % dims.side;
  inner /= dims.side;
  let dt = inner % dims.patch_time;
  let channel = inner / dims.patch_time;
  var token = at / size;
  let w = token % (dims.width / dims.side);
  token /= dims.width / dims.side;
  let h = token % (dims.height / dims.side);
  let f = token / (dims.height / dims.side);
  return (((f * dims.patch_time + dt) * dims.height + h * dims.side + dy) * dims.width + w * dims.side + dx) * dims.channels + channel;
}

fn token_index_of_latent(at: u32) -> u32 {
  let channel = at % dims.channels;
  let column = (at / dims.channels) % dims.width;
  let row = (at / (dims.channels * dims.width)) % dims.height;
  let frame = at / (dims.channels * dims.width * dims.height);
  let rows = dims.height / dims.side;
  let token = ((frame / dims.patch_time) * rows + row / dims.side) * (dims.width / dims.side) + column / dims.side;
  let inner = ((channel * dims.patch_time + frame % dims.patch_time) * dims.side + row % dims.side) * dims.side + column % dims.side;
  return token * dims.channels * dims.patch_time * dims.side * dims.side + inner;
}

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
  if (TO_TOKENS) {
    y[at] = x[latent_index_of_token(at)];
  } else {
    y[at] = x[token_index_of_latent(at)];
  }
}
