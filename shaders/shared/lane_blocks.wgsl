// Products of blocks between the lanes of a subgroup that is a whole workgroup, for drivers that run a subgroup as one vector of the CPU.
enable subgroups;
diagnostic(off, subgroup_uniformity);
const LANES = 8u; // 4 or 8
alias Own = vec4f; // vec2f or vec3f: a value of each of a lane's own rows or columns
alias Block = mat4x4f; // mat4x2f or mat4x3f: four of them

// What lanes 0 to 3, or 4 to 7, bring: a column each.
fn low(x: vec4f) -> mat4x4f {
  return mat4x4f(subgroupBroadcast(x, 0u), subgroupBroadcast(x, 1u), subgroupBroadcast(x, 2u), subgroupBroadcast(x, 3u));
}

fn high(x: vec4f) -> mat4x4f {
  return mat4x4f(subgroupBroadcast(x, 4u), subgroupBroadcast(x, 5u), subgroupBroadcast(x, 6u), subgroupBroadcast(x, 7u));
}

// sum + block x, by four chained multiply-adds an element: faster than the operators of mat4x4f.
fn add_block(sum: Block, block: Block, x: mat4x4f) -> Block {
  return Block(add_row(sum[0], block, x[0]), add_row(sum[1], block, x[1]), add_row(sum[2], block, x[2]), add_row(sum[3], block, x[3]));
}

fn add_row(sum: Own, block: Block, x: vec4f) -> Own {
  return fma(Own(x.w), block[3], fma(Own(x.z), block[2], fma(Own(x.y), block[1], fma(Own(x.x), block[0], sum))));
}
