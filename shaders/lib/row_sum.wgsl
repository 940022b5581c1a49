// row_sum: the sum of `value` over the LANES neighboring invocations that share a row
// every invocation of the workgroup must call it; prelude: LANES = a power of two up to WG
var<workgroup> row_partial: array<f32, WG>;

fn row_sum(local: u32, value: f32) -> f32 {
  if (LANES == 1u) {
    return value;
  }
  let lane = local % LANES;
  row_partial[local] = value;
  for (var reach = LANES / 2u; reach > 0u; reach /= 2u) {
    workgroupBarrier();
    if (lane < reach) {
      row_partial[local] += row_partial[local + reach];
    }
  }
  workgroupBarrier();
  let total = row_partial[local - lane];
  workgroupBarrier(); // row_partial may be written again by the next call
  return total;
}
