// patchify: tokens[(f*H' + h)*W' + w, ((c*pt + dt)*p + dy)*p + dx] = latent[f*pt + dt, h*p + dy, w*p + dx, c], or back
// latent: [F, H, W, C] elem; tokens: [F' H' W', C*pt*p*p] elem with F' = F/pt, H' = H/p, W' = W/p
// one element of y
// prelude: elem = f16 | f32, TO_TOKENS = bool (x is the latent and y the tokens; else the other way round)
// libs: elements, groups

struct Params {
  channels: u32,
  frames: u32,
  height: u32,
  width: u32,
  patch_time: u32,
  side: u32,
}

@group(0) @binding(1) var<storage, read> x: array<elem>;
@group(0) @binding(2) var<storage, read_write> y: array<elem>;

fn latent_index_of_token(at: u32) -> u32 {
  let size = params.channels * params.patch_time * params.side * params.side;
  var inner = at % size;
  let dx = inner % params.side;
  inner /= params.side;
  let dy = inner % params.side;
  inner /= params.side;
  let dt = inner % params.patch_time;
  let channel = inner / params.patch_time;
  var token = at / size;
  let w = token % (params.width / params.side);
  token /= params.width / params.side;
  let h = token % (params.height / params.side);
  let f = token / (params.height / params.side);
  return (((f * params.patch_time + dt) * params.height + h * params.side + dy) * params.width + w * params.side + dx) * params.channels + channel;
}

fn token_index_of_latent(at: u32) -> u32 {
  let channel = at % params.channels;
  let column = (at / params.channels) % params.width;
  let row = (at / (params.channels * params.width)) % params.height;
  let frame = at / (params.channels * params.width * params.height);
  let rows = params.height / params.side;
  let token = ((frame / params.patch_time) * rows + row / params.side) * (params.width / params.side) + column / params.side;
  let inner = ((channel * params.patch_time + frame % params.patch_time) * params.side + row % params.side) * params.side + column % params.side;
  return token * params.channels * params.patch_time * params.side * params.side + inner;
}

fn element(at: u32) {
  if (TO_TOKENS) {
    y[at] = x[latent_index_of_token(at)];
  } else {
    y[at] = x[token_index_of_latent(at)];
  }
}
