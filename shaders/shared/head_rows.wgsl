// Rows of a head on the stack of a subgroup that is a whole workgroup, for drivers that run a subgroup as one vector of the CPU. LANES rows are a group.
//   own:    lane l has row l of a group: quad d is [d / QUADS][d % QUADS].
//   spread: a row's quads lie in WIDTH lanes side by side, so that the lanes have PARTS rows in a turn, and a group in WIDTH turns; of longer heads lane l
//           has quads l, l + LANES, ... of one row: [turn][n].
// Indices are constants where it counts, as by others values go to the stack and come from it lane by lane: hence turns and groups are appended. Loops of more
// than about 800 operations lavapipe does not unroll: hence a call for each of QUADS.
enable subgroups;
diagnostic(off, subgroup_uniformity);
#import head_quad
const LANES = 8u; // 4 or 8
const GROUPS = 3u; // held at once
const HELD = GROUPS * LANES; // rows of them: fewer where there are no more
const ALL = false; // whether these are all there are
const WIDTH = min(LANES, 1u << firstLeadingBit(2u * DEPTH - 1u)); // a power of two
const PARTS = LANES / WIDTH;
const QUADS = (DEPTH + LANES - 1u) / LANES; // 4 at most

alias Turn = array<vec4f, QUADS>;
alias Group = array<Turn, WIDTH>;
alias Groups = array<Group, GROUPS>;
alias Products = array<array<f32, GROUPS>, PARTS>; // of the rows of a turn with a lane's own rows

// WIDTH, as a bound that lavapipe does not know and hence does not unroll loops by.
fn turns() -> u32 { return (params.head_dim + 4u * WIDTH - 1u) / (4u * WIDTH) * WIDTH / QUADS; }

// End of the rows from `start` on that are held at once, by whole groups. It does not know this either.
fn end_of_groups(start: u32, rows: u32) -> u32 { return select(start + GROUPS * LANES, rows, ALL); }

// Which quad of its row a lane has in slot n of a turn.
fn quad_of(lane: u32, n: u32) -> u32 { return n * LANES + lane % WIDTH; }

fn append(group: ptr<function, Group>, turn: Turn) {
  for (var t = 0u; t < WIDTH; t++) {
    if (t + 1u < WIDTH) { (*group)[t] = (*group)[t + 1u]; } else { (*group)[t] = turn; }
  }
}

fn append_group(groups: ptr<function, Groups>, group: Group) {
  for (var g = 0u; g < GROUPS; g++) {
    if (g + 1u < GROUPS) { (*groups)[g] = (*groups)[g + 1u]; } else { (*groups)[g] = group; }
  }
}

fn append_value(values: ptr<function, array<f32, GROUPS>>, value: f32) {
  for (var g = 0u; g < GROUPS; g++) {
    if (g + 1u < GROUPS) { (*values)[g] = (*values)[g + 1u]; } else { (*values)[g] = value; }
  }
}

// Rows that are spread, of own ones.
fn spread(own: Group, lane: u32) -> Group {
  var rows: Group;
  spread_quad(&rows, own, lane, 0u);
  if (QUADS > 1u) { spread_quad(&rows, own, lane, 1u); }
  if (QUADS > 2u) { spread_quad(&rows, own, lane, 2u); }
  if (QUADS > 3u) { spread_quad(&rows, own, lane, 3u); }
  return rows;
}

fn spread_quad(rows: ptr<function, Group>, own: Group, lane: u32, n: u32) {
  for (var turn = 0u; turn < WIDTH; turn++) {
    for (var i = 0u; i < WIDTH; i++) {
      let d = n * LANES + i;
      let quad = subgroupShuffle(own[d / QUADS][d % QUADS], turn * PARTS + lane / WIDTH);
      (*rows)[turn][n] = select((*rows)[turn][n], quad, lane % WIDTH == i);
    }
  }
}

// Adds the dot products of the rows of a turn with the own ones.
fn add_products(products: ptr<function, Products>, turn: Turn, own: ptr<function, Groups>) {
  add_products_of(products, turn[0], own, 0u);
  if (QUADS > 1u) { add_products_of(products, turn[min(1u, QUADS - 1u)], own, 1u); }
  if (QUADS > 2u) { add_products_of(products, turn[min(2u, QUADS - 1u)], own, 2u); }
  if (QUADS > 3u) { add_products_of(products, turn[min(3u, QUADS - 1u)], own, 3u); }
}

fn add_products_of(products: ptr<function, Products>, quads: vec4f, own: ptr<function, Groups>, n: u32) {
  for (var i = 0u; i < WIDTH; i++) {
    let d = n * LANES + i;
    if (d < DEPTH) {
      for (var r = 0u; r < PARTS; r++) {
        let x = subgroupShuffle(quads, r * WIDTH + i);
        for (var g = 0u; g < GROUPS; g++) { (*products)[r][g] = add_dot((*products)[r][g], x, (*own)[g][d / QUADS][d % QUADS]); }
      }
    }
  }
}

// sum + dot(x, y), by four chained multiply-adds.
fn add_dot(sum: f32, x: vec4f, y: vec4f) -> f32 {
  return fma(x.w, y.w, fma(x.z, y.z, fma(x.y, y.y, fma(x.x, y.x, sum))));
}

// The sums of the spread rows times shares: for part r shares[r], of which each lane has those of its own rows.
fn sums_by_shares(shares: ptr<function, Products>, rows: ptr<function, Groups>, lane: u32) -> Turn {
  var sums: Turn;
  sums[0] = sum_by_shares(shares, rows, lane, 0u);
  if (QUADS > 1u) { sums[min(1u, QUADS - 1u)] = sum_by_shares(shares, rows, lane, 1u); }
  if (QUADS > 2u) { sums[min(2u, QUADS - 1u)] = sum_by_shares(shares, rows, lane, 2u); }
  if (QUADS > 3u) { sums[min(3u, QUADS - 1u)] = sum_by_shares(shares, rows, lane, 3u); }
  return sums;
}

fn sum_by_shares(shares: ptr<function, Products>, rows: ptr<function, Groups>, lane: u32, n: u32) -> vec4f {
  var sums = array<vec4f, PARTS>();
  for (var g = 0u; g < GROUPS; g++) {
    for (var turn = 0u; turn < WIDTH; turn++) {
      let row = turn * PARTS;
      if (g * LANES + row < HELD) {
        for (var r = 0u; r < PARTS; r++) {
          let share = subgroupShuffle((*shares)[r][g], row + lane / WIDTH);
          sums[r] = fma(vec4f(share), (*rows)[g][turn][n], sums[r]);
        }
      }
    }
  }
  var sum = over_parts(sums[0]);
  for (var r = 1u; r < PARTS; r++) { sum = select(sum, over_parts(sums[r]), lane / WIDTH == r); }
  return sum;
}

// The sum of the parts, in each of their places.
fn over_parts(x: vec4f) -> vec4f {
  var y = x;
  if (PARTS > 4u) { y += subgroupShuffleXor(y, 4u * WIDTH); }
  if (PARTS > 2u) { y += subgroupShuffleXor(y, 2u * WIDTH); }
  if (PARTS > 1u) { y += subgroupShuffleXor(y, WIDTH); }
  return y;
}

// How many of the rows that pass by each of so many workgroups takes.
fn rows_of_workgroup(rows: u32, workgroups: u32) -> u32 { return (rows + LANES * workgroups - 1u) / (LANES * workgroups) * LANES; }

// Of values that are the same in all lanes, one for each part, that of the lane's part.
fn of_part(values: array<f32, PARTS>, lane: u32) -> f32 {
  var value = values[0];
  for (var r = 1u; r < PARTS; r++) { value = select(value, values[r], lane / WIDTH == r); }
  return value;
}

// Over all lanes. The maximum is by comparison, as max() looks for NaN.
fn larger(x: f32, y: f32) -> f32 { return select(x, y, y > x); }

fn largest(x: f32) -> f32 {
  var y = x;
  if (LANES == 8u) { y = larger(y, subgroupShuffleXor(y, 4u)); }
  y = larger(y, subgroupShuffleXor(y, 2u));
  return larger(y, subgroupShuffleXor(y, 1u));
}

fn total(x: f32) -> f32 {
  var y = x;
  if (LANES == 8u) { y += subgroupShuffleXor(y, 4u); }
  y += subgroupShuffleXor(y, 2u);
  return y + subgroupShuffleXor(y, 1u);
}
