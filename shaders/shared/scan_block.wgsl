// Sums over a block of GROUP * EACH elements, EACH neighbours an invocation. The order is fixed: neighbours in a row, then the invocations as a tree.
// Uses params.length and x.
const GROUP = 256u;
const EACH = 4u;
alias Term = u32; // f32

var<workgroup> totals: array<Term, GROUP>;

fn sum_from(first: u32) -> Term {
  var sum = Term(0);
  for (var e = 0u; e < EACH; e++) {
    if (first + e < params.length) { sum += x[first + e]; }
  }
  return sum;
}

// Sum of what the invocations before this one bring.
fn sum_before(lane: u32, own: Term) -> Term {
  totals[lane] = own;
  for (var reach = 1u; reach < GROUP; reach = reach << 1u) {
    workgroupBarrier();
    var before = Term(0);
    if (lane >= reach) { before = totals[lane - reach]; }
    workgroupBarrier();
    totals[lane] += before;
  }
  workgroupBarrier();
  if (lane == 0u) { return Term(0); }
  return totals[lane - 1u];
}
