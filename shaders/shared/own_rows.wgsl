// Rows of short heads that stay in the registers of a lane, for drivers that run a subgroup as one vector of the CPU. One workgroup is one subgroup of
// LANES (4 or 8) invocations, each of which owns OWN rows. Rows of the other side come by fours and are handed around: lane l brings of row l % 4 every
// quad of elements d with d % STRIDE = l / 4.
// Loads of a turn belong before its products: each load is branches to lavapipe, over which it would spread the products between them.
enable subgroups;
diagnostic(off, subgroup_uniformity);
#import quad
const LANES = 8u; // 4 or 8
const OWN = 4u; // 2, 3 or 4 rows
alias Own = vec4f; // vec2f or vec3f: one value of each own row
alias Block = mat4x4f; // mat4x2f or mat4x3f: four of them
const DEPTH = 4u; // quads of a head
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

fn low(x: vec4f) -> mat4x4f {
  return mat4x4f(subgroupBroadcast(x, 0u), subgroupBroadcast(x, 1u), subgroupBroadcast(x, 2u), subgroupBroadcast(x, 3u));
}

fn high(x: vec4f) -> mat4x4f {
  return mat4x4f(subgroupBroadcast(x, 4u), subgroupBroadcast(x, 5u), subgroupBroadcast(x, 6u), subgroupBroadcast(x, 7u));
}

fn add_block(sum: Block, block: Block, x: mat4x4f) -> Block {
  return Block(add_row(sum[0], block, x[0]), add_row(sum[1], block, x[1]), add_row(sum[2], block, x[2]), add_row(sum[3], block, x[3]));
}

fn add_row(sum: Own, block: Block, x: vec4f) -> Own {
  return fma(Own(x.w), block[3], fma(Own(x.z), block[2], fma(Own(x.y), block[1], fma(Own(x.x), block[0], sum))));
}

// Values that the lanes 0 to 3 bring, one for each row of the other side.
fn of_others(x: f32) -> vec4f {
  return vec4f(subgroupBroadcast(x, 0u), subgroupBroadcast(x, 1u), subgroupBroadcast(x, 2u), subgroupBroadcast(x, 3u));
}

// Quad d of a head of so many elements, without what follows its end.
fn within_head(quad: vec4f, d: u32, head_dim: u32) -> vec4f {
  return select(vec4f(), quad, 4u * d + vec4u(0u, 1u, 2u, 3u) < vec4u(head_dim));
}
