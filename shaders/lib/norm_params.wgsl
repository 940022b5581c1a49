// norm: its numbers, and what its parts hand each other of a row
struct Params {
  first_group: u32,
  end_group: u32,
  rows: u32,
  items: u32, // per row
  size: f32, // D
  eps: f32,
  slots: u32, // S of the table
  scale_slot: u32,
  shift_slot: u32,
}
@group(0) @binding(0) var<uniform> params: Params;

/// What is known of a row once its sums are.
struct NormRow {
  index: u32,
  first: u32, // item of x
  mean: f32,
  factor: f32,
  scale: u32, // first item of the table
  shift: u32,
}
