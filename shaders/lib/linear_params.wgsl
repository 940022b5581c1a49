// linear: what every variant is told
struct Params {
  row_offset: u32, // of this dispatch
  row_end: u32,
  panel_offset: u32, // panels are 8 outputs wide
  panel_end: u32,
  inner: u32, // K
  steps: u32, // ceil(K / 4)
  outs: u32, // O
  gate_slots: u32,
  gate_slot: u32,
}
@group(0) @binding(0) var<uniform> params: Params;
