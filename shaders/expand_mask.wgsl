// Bit i of the mask = bit (i / inner) % period + offset of the units; bits past length are 0
// mask: ceil(length / 32) words, one a thread; units: one bit a unit
#import grid

const GROUP = 64u;

struct Params { length: u32, inner: u32, period: u32, offset: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> units: array<u32>;
@group(0) @binding(2) var<storage, read_write> mask: array<u32>;

fn unit_bit(unit: u32) -> u32 {
  let at = unit + params.offset;
  return (units[at >> 5u] >> (at & 31u)) & 1u;
}

@compute @workgroup_size(GROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let word = linear_group(group, groups) * GROUP + lane;
  let first = word << 5u;
  if (word >= (params.length + 31u) >> 5u) { return; }
  let count = min(32u, params.length - first);
  let all = 0xffffffffu >> (32u - count);

  let block = first / params.inner;
  var unit = block % params.period;
  var within = first - block * params.inner;
  if (within + count <= params.inner) { // the whole word lies in one unit
    mask[word] = all * unit_bit(unit);
    return;
  }
  if (params.inner == 1u && unit + count <= params.period) { // consecutive units: a shifted copy
    let at = unit + params.offset;
    let low = units[at >> 5u] >> (at & 31u);
    let high = (units[(at + 31u) >> 5u] << 1u) << (31u - (at & 31u));
    mask[word] = (low | high) & all;
    return;
  }
  var bits = 0u;
  for (var b = 0u; b < 32u; b++) {
    if (b < count) { bits |= unit_bit(unit) << b; }
    within++;
    if (within == params.inner) {
      within = 0u;
      unit++;
      if (unit == params.period) { unit = 0u; }
    }
  }
  mask[word] = bits;
}
