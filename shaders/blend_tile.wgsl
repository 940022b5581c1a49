// blend_tile: y[f, Y + h, X + w, c] = weight(h)*weight(w)*x[f, h, w, c], plus what y holds there already
// x: [F, H, W, C] f32, one tile; y: [F, H', W', C] f32, the whole picture
// weight(i) over the first `lead` places, which the tile before shares: (i - margin) / (lead - 2 margin), between 0 and 1; over the
// last `trail` places one minus that of the tile after; 1 elsewhere
// y is added to only where an earlier tile (in rows, from the top left) wrote: in the leads; elsewhere it is undefined until now
// one invocation an element of x; a workgroup 64 of them; workgroups as dispatch-groups.ts folds them

struct Dims {
  first_group: u32,
  end_group: u32,
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
  count: u32,
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;

fn ramp(place: u32, shared_places: u32, margin: u32) -> f32 {
  if (shared_places == 0u) {
    return 1.0;
  }
  return saturate((f32(place) - f32(margin)) / f32(shared_places - 2u * margin));
}

fn weight(at: u32, size: u32, lead: u32, trail: u32, margin: u32) -> f32 {
  return min(ramp(at, lead, margin), ramp(size - at, trail, margin));
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
  let channel = at % dims.channels;
  var rest = at / dims.channels;
  let column = rest % dims.width;
  rest /= dims.width;
  let row = rest % dims.height;
  let frame = rest / dims.height;
  let place = ((frame * dims.out_height + dims.from_y + row) * dims.out_width + dims.from_x + column) * dims.channels + channel;
  let share = weight(row, dims.height, dims.lead_y, dims.trail_y, dims.margin_y) * weight(column, dims.width, dims.lead_x, dims.trail_x, dims.margin_x);
  var value = x[at] * share;
  if (row < dims.lead_y || column < dims.lead_x) {
    value += y[place];
  }
  y[place] = value;
}
