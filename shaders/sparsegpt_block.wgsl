// Frantar & Alistarh's column sweep over one block of columns, in each row from left to right:
//   w_q -= sum over earlier columns p of the block of e_p u[p, q];  e_q = 0 if w_q is kept, else w_q / u[q, q]
// w: rows x columns, changed from `first` on for `width` columns; u: the rows of the block in an upper triangular matrix of `columns` columns;
// errors: width x rows, e; mask: bit mask_first + row * mask_pitch + q belongs to column q of the block, 1 = keep.
// With CHOOSE the mask is written: of every GROUP_OF neighbouring columns the REMOVED of the lowest (w_q / u[q, q])^2 go, as they are when the
// sweep gets there.
// One invocation a row; a value has WIDTH columns. width^2 operations a row.
#import grid
alias Value = array<f32, 1>; // vec4f where the columns allow
const WIDTH = 1u;
const GROUP = 64u;
const CHOOSE = false;
const GROUP_OF = 1u; // divides 32; a multiple of WIDTH
const REMOVED = 0u;

struct Params { rows: u32, columns: u32, first: u32, width: u32, mask_first: u32, mask_pitch: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> u: array<Value>;
@group(0) @binding(2) var<storage, read_write> w: array<Value>;
@group(0) @binding(3) var<storage, read_write> mask: array<u32>;
@group(0) @binding(4) var<storage, read_write> errors: array<f32>;

fn at_u(p: u32, q: u32) -> u32 { return (p * params.columns + params.first + q) / WIDTH; }
fn at_w(row: u32, q: u32) -> u32 { return (row * params.columns + params.first + q) / WIDTH; }

// w at columns q to q + WIDTH, less the errors of columns `begin` to `end` of the block.
fn updated(row: u32, q: u32, begin: u32, end: u32) -> Value {
  var value = w[at_w(row, q)];
  for (var p = begin; p < end; p++) {
    let error = errors[p * params.rows + row];
    let factor = u[at_u(p, q)];
    for (var c = 0u; c < WIDTH; c++) { value[c] -= error * factor[c]; }
  }
  return value;
}

fn score(row: u32, q: u32) -> f32 {
  let root = w[at_w(row, q)][q % WIDTH] / u[at_u(q, q)][q % WIDTH];
  return root * root;
}

// Keep bits of the group's columns; of equal scores the first go.
fn choose(row: u32, group: u32) -> u32 {
  var bits = 0u;
  for (var q = group; q < group + GROUP_OF; q++) {
    let own = score(row, q);
    var lower = 0u;
    for (var other = group; other < group + GROUP_OF; other++) {
      let its = score(row, other);
      if (its < own || (its == own && other < q)) { lower++; }
    }
    if (lower >= REMOVED) { bits |= 1u << (q - group); }
  }
  return bits;
}

@compute @workgroup_size(GROUP)
fn main(@builtin(workgroup_id) group_id: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = linear_group(group_id, groups) * GROUP + lane;
  if (row >= params.rows) { return; }
  let mask_row = params.mask_first + row * params.mask_pitch;

  var word = 0u;
  for (var group = 0u; group < params.width; group += select(WIDTH, GROUP_OF, CHOOSE)) {
    var end = group + WIDTH;
    var begin = 0u;
    if (CHOOSE) {
      end = group + GROUP_OF;
      begin = group;
      for (var q = group; q < end; q += WIDTH) { w[at_w(row, q)] = updated(row, q, 0u, begin); }
      word |= choose(row, group) << (group % 32u);
      if (end % 32u == 0u || end >= params.width) { mask[(mask_row + group) / 32u] = word; }
    }
    for (var q = group; q < end; q += WIDTH) {
      var value = updated(row, q, begin, q);
      for (var c = 0u; c < WIDTH; c++) {
        let bit = mask_row + q + c;
        var keep = (mask[bit / 32u] >> (bit % 32u)) & 1u;
        if (CHOOSE) { keep = (word >> (bit % 32u)) & 1u; }
        let factor = u[at_u(q + c, q)];
        let error = select(value[c] / factor[c], 0.0, keep == 1u);
        errors[(q + c) * params.rows + row] = error;
        for (var later = c + 1u; later < WIDTH; later++) { value[later] -= error * factor[later]; }
      }
      w[at_w(row, q)] = value;
    }
    if (CHOOSE && end % 32u == 0u) { word = 0u; }
  }
}
