// blend_tile: y[f, Y + h, X + w, c] = weight(h) * weight(w) * x[f, h, w, c], plus what y already holds there
// x: [F, H, W, C] f32, one tile; y: [F, H', W', C] f32, the whole image
// weight(i) over the first `lead` positions, which the previous tile shares: (i - margin) / (lead - 2 margin), clamped to 0 … 1; over the
// last `trail` positions one minus that of the next tile; 1 elsewhere
// y is added to only where an earlier tile (in rows, from the top left) wrote: in the leads; elsewhere it is undefined until now
// one element of x
// libs: elements, groups

struct Params {
  height: u32,
  width: u32,
  channels: u32,
  out_height: u32,
  out_width: u32,
  from_y: u32,
  lead_y: u32,
  trail_y: u32,
  margin_y: u32,
  from_x: u32,
  lead_x: u32,
  trail_x: u32,
  margin_x: u32,
}

@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;

fn ramp(position: u32, shared_positions: u32, margin: u32) -> f32 {
  if (shared_positions == 0u) {
    return 1.0;
  }
  return saturate((f32(position) - f32(margin)) / f32(shared_positions - 2u * margin));
}

fn weight(at: u32, size: u32, lead: u32, trail: u32, margin: u32) -> f32 {
  return min(ramp(at, lead, margin), ramp(size - at, trail, margin));
}

fn element(at: u32) {
  let channel = at % params.channels;
  var rest = at / params.channels;
  let column = rest % params.width;
  rest /= params.width;
  let row = rest % params.height;
  let frame = rest / params.height;
  let to = ((frame * params.out_height + params.from_y + row) * params.out_width + params.from_x + column) * params.channels + channel;
  let share = weight(row, params.height, params.lead_y, params.trail_y, params.margin_y) * weight(column, params.width, params.lead_x, params.trail_x, params.margin_x);
  var value = x[at] * share;
  if (row < params.lead_y || column < params.lead_x) {
    value += y[to];
  }
  y[to] = value;
}
