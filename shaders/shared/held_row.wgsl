// A row that a subgroup of LANES invocations holds, for drivers that run it as one vector of the CPU: lane l has vec4 l, LANES + l, ... of COLUMNS,
// HELD of them. They come in PARTS turns of a loop, as the code of more than a few loads leaves the CPU's cache of decoded instructions. Of the bounds of
// loops over loads and stores the driver must not know that they are constant, or it unrolls them: it is those that lavapipe compiles for long.
enable subgroups;
diagnostic(off, subgroup_uniformity);
#import across
const LANES = 8u; // row_sum is for so many
const COLUMNS = 64u;
const PART = 4u; // vec4 of a lane and turn
const PARTS = 2u;
const HELD = PART * PARTS; // PARTS * PART * LANES cover the columns, and no fewer parts would

alias Part = array<Value, PART>;
alias Held = array<Value, HELD>;

// Whether the row has what is held at h: only at the end may it be too short for all lanes.
fn in_row(h: u32, lane: u32) -> bool { return (h + 1u) * LANES <= COLUMNS || h * LANES + lane < COLUMNS; }

// Place i, or the row's last where HELD * LANES go past its end.
fn nearest(i: u32, end: u32) -> u32 {
  if (HELD * LANES == COLUMNS) { return i; }
  return min(i, end - 1u);
}

fn row_sum(value: Value) -> f32 {
  var sum = sum_across(value);
  sum += subgroupShuffleXor(sum, 1u);
  sum += subgroupShuffleXor(sum, 2u);
  sum += subgroupShuffleXor(sum, 4u);
  return sum;
}
