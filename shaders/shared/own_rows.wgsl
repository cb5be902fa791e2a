// Rows of short heads that stay in the registers of a lane, for drivers that run a subgroup as one vector of the CPU. One workgroup is one subgroup of
// LANES (4 or 8) invocations, each of which owns OWN rows. Rows of the other side come by fours and are handed around: lane l brings of row l % 4 every
// quad of elements d with d % STRIDE = l / 4.
// Loads of a turn belong before its products: each load is branches to lavapipe, over which it would spread the products between them.
#import lane_blocks
#import head_quad
const OWN = 4u; // 2, 3 or 4 rows, as Own and Block have
const STRIDE = LANES / 4u;
const LOADS = (DEPTH + STRIDE - 1u) / STRIDE;

// Element 4 d + i of the own rows lies at [d][i].
alias Head = array<Block, LOADS * STRIDE>;
alias Brought = array<vec4f, LOADS>;

// Column j: the dot products of the own rows with row j of the other side.
fn products(own: ptr<function, Head>, others: ptr<function, Brought>) -> Block {
  var sum = Block();
  for (var n = 0u; n < LOADS; n++) {
    let d = n * STRIDE;
    sum = add_block(sum, (*own)[d], low((*others)[n]));
    if (LANES == 8u && d + 1u < DEPTH) { sum = add_block(sum, (*own)[d + 1u], high((*others)[n])); }
  }
  return sum;
}

// Adds four rows of the other side to the own ones' sums, of row j a share of column j.
fn add_shares(sums: ptr<function, Head>, shares: Block, others: ptr<function, Brought>) {
  for (var n = 0u; n < LOADS; n++) {
    let d = n * STRIDE;
    (*sums)[d] = add_block((*sums)[d], shares, transpose(low((*others)[n])));
    if (LANES == 8u && d + 1u < DEPTH) { (*sums)[d + 1u] = add_block((*sums)[d + 1u], shares, transpose(high((*others)[n]))); }
  }
}

// Values that the lanes 0 to 3 bring, one for each row of the other side.
fn of_others(x: f32) -> vec4f {
  return vec4f(subgroupBroadcast(x, 0u), subgroupBroadcast(x, 1u), subgroupBroadcast(x, 2u), subgroupBroadcast(x, 3u));
}
