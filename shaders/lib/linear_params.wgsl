// linear: what every variant is told
struct Params {
  row_offset: u32, // of this dispatch
  row_end: u32,
  panel_offset: u32, // panels are 8 outputs wide
  panel_end: u32,
  inner: u32, // K
  steps: u32, // ceil(K / 4)
  outs: u32, // O
  // what follows the sum is told here and not in the prelude: one compiled kernel then serves a whole model
  has_bias: u32,
  activation: u32, // 0 none, 1 GELU (tanh), 2 SiLU
  add_to: u32,
  has_gate: u32,
  gate_slots: u32,
  gate_slot: u32,
}
@group(0) @binding(0) var<uniform> params: Params;
