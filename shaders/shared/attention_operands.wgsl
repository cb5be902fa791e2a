// What attention kernels work on: rows of one head in two packed operands, and dot products of their values.
alias Value = f32; // vec4f where the head's dimension allows
alias Stored = Value; // operands in memory: f16 or vec4h
const ONES = vec4f(1.0, 0.0, 0.0, 0.0); // vec4f(1.0) with it
const GROUP = 64u;
const BLOCK = 32u;
const LOWEST = -3.4028234e38;

// A value as four elements, of which a scalar one fills only the first: dot products then need no second path.
fn widen(value: Value) -> vec4f {
  return vec4f(value) * ONES;
}

// Dot products with a widened value.
fn products(mine: vec4f, other0: Value, other1: Value, other2: Value, other3: Value) -> vec4f {
  return vec4f(dot(mine, vec4f(other0)), dot(mine, vec4f(other1)), dot(mine, vec4f(other2)), dot(mine, vec4f(other3)));
}
