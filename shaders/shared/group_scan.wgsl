// Sums over the invocations of a workgroup.
const GROUP = 64u;

var<workgroup> totals: array<u32, GROUP>;

// Sum of what this invocation and those before it bring.
fn sum_up_to(lane: u32, own: u32) -> u32 {
  totals[lane] = own;
  for (var reach = 1u; reach < GROUP; reach = reach << 1u) {
    workgroupBarrier();
    var before = 0u;
    if (lane >= reach) { before = totals[lane - reach]; }
    workgroupBarrier();
    totals[lane] += before;
  }
  return totals[lane];
}
