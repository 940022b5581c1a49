// elements: for a kernel that computes `count` elements independently of each other. It declares `element`: what is done for one of them.
// The prelude adds count to `struct Params`. prelude: PER_INVOCATION = consecutive elements of an invocation
// lib: groups
fn run(group: u32, local: u32) {
  let first = (group * WG + local) * PER_INVOCATION;
  if (PER_INVOCATION == 1u) {
    if (first < params.count) {
      element(first);
    }
    return;
  }
  for (var at = first; at < min(first + PER_INVOCATION, params.count); at++) {
    element(at);
  }
}
