// Products of 4 x 4 blocks between the lanes of a subgroup that is a whole workgroup, for drivers that run a subgroup as one vector of the CPU.
enable subgroups;
diagnostic(off, subgroup_uniformity);
const LANES = 8u; // 4 or 8

// What lanes 0 to 3, or 4 to 7, bring: a column each.
fn low(x: vec4f) -> mat4x4f {
  return mat4x4f(subgroupBroadcast(x, 0u), subgroupBroadcast(x, 1u), subgroupBroadcast(x, 2u), subgroupBroadcast(x, 3u));
}

fn high(x: vec4f) -> mat4x4f {
  return mat4x4f(subgroupBroadcast(x, 4u), subgroupBroadcast(x, 5u), subgroupBroadcast(x, 6u), subgroupBroadcast(x, 7u));
}

// sum + block x, by four chained multiply-adds an element: faster than the operators of mat4x4f.
fn add_block(sum: mat4x4f, block: mat4x4f, x: mat4x4f) -> mat4x4f {
  return mat4x4f(add_row(sum[0], block, x[0]), add_row(sum[1], block, x[1]), add_row(sum[2], block, x[2]), add_row(sum[3], block, x[3]));
}

fn add_row(sum: vec4f, block: mat4x4f, x: vec4f) -> vec4f {
  return fma(vec4f(x.w), block[3], fma(vec4f(x.z), block[2], fma(vec4f(x.y), block[1], fma(vec4f(x.x), block[0], sum))));
}
