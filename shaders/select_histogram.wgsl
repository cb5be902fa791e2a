// One digit of a radix selection: counts[range, BINS digit + d] += scores with digit d, of those whose higher digits are those of the threshold;
// on the first digit also counts[range, ZEROS] += exact zeros
// scores, candidates: f32 bits, four a load. Tiles are of candidates first, a workgroup each, then of all scores, for ranges without candidates to look at:
// the other workgroups share these, as most have nothing to count, and a workgroup's bins are set to zero even then. Integer sums do not depend on the
// order of the atomics.
#import grid
#import score_key
#import selection

const GROUP = 256u;
const BINS = 2048u;
const ZEROS = 6144u;

struct Params {
  tiles: u32, // of candidates and of scores
  candidate_tiles: u32,
  digit: u32
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> scores: array<vec4u>;
@group(0) @binding(2) var<storage, read> tiles: array<Tile>;
@group(0) @binding(3) var<storage, read> candidates: array<vec4u>;
@group(0) @binding(4) var<storage, read> candidate_tiles: array<Tile>;
@group(0) @binding(5) var<storage, read> ranges: array<Range>;
@group(0) @binding(6) var<storage, read> selections: array<Selection>;
@group(0) @binding(7) var<storage, read_write> counts: array<atomic<u32>>;

var<workgroup> bins: array<atomic<u32>, BINS>;

fn load_tile(index: u32) -> Tile {
  if (index < params.candidate_tiles) { return candidate_tiles[index]; }
  return tiles[index - params.candidate_tiles];
}

fn load_scores(of_candidates: bool, i: u32) -> vec4u {
  if (of_candidates) { return candidates[i]; }
  return scores[i];
}

fn count_digits(of_candidates: bool, tile: Tile, end: u32, lane: u32) {
  let selection = selections[tile.range];
  let before = bits_left_from(params.digit, selection);
  let shift = bits_left_from(params.digit + 1u, selection);
  let mask = vec4u((1u << (before - shift)) - 1u);
  var zeros = vec4u(0u);
  for (var i = tile.first / 4u + lane; i * 4u < end; i += GROUP) {
    let keys = score_keys(load_scores(of_candidates, i));
    let at = vec4u(i * 4u) + vec4u(0u, 1u, 2u, 3u);
    var counted = (at >= vec4u(tile.first)) & (at < vec4u(end));
    let rest = keys - vec4u(selection.origin);
    if (params.digit == 0u) {
      zeros += select(vec4u(0u), vec4u(1u), counted & (keys == vec4u(ZERO_KEY)));
    } else {
      counted &= (rest >> vec4u(before)) == vec4u(selection.key);
    }
    let digits = (rest >> vec4u(shift)) & mask;
    if (counted.x) { atomicAdd(&bins[digits.x], 1u); }
    if (counted.y) { atomicAdd(&bins[digits.y], 1u); }
    if (counted.z) { atomicAdd(&bins[digits.z], 1u); }
    if (counted.w) { atomicAdd(&bins[digits.w], 1u); }
  }
  let zero = zeros.x + zeros.y + zeros.z + zeros.w;
  if (zero > 0u) { atomicAdd(&counts[tile.range * (ZEROS + 1u) + ZEROS], zero); }
}

@compute @workgroup_size(GROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let own = linear_group(group, groups);
  let step = select(groups.x * groups.y - params.candidate_tiles, params.tiles, own < params.candidate_tiles);
  for (var index = own; index < params.tiles; index += step) {
    let of_candidates = index < params.candidate_tiles;
    let tile = load_tile(index);
    let selection = selections[tile.range];
    var end = tile.end;
    if (of_candidates) { end = min(end, ranges[tile.range].candidates + selection.candidates); }
    if (selection.settled != 0u || selection.bracketed != u32(of_candidates) || tile.first >= end) { continue; }
    count_digits(of_candidates, tile, end, lane);
    workgroupBarrier();
    let more = index + step < params.tiles;
    let first = tile.range * (ZEROS + 1u) + params.digit * BINS;
    for (var bin = lane; bin < BINS; bin += GROUP) {
      let count = atomicLoad(&bins[bin]);
      if (count > 0u) {
        atomicAdd(&counts[first + bin], count);
        if (more) { atomicStore(&bins[bin], 0u); }
      }
    }
    workgroupBarrier(); // the bins are empty for the next tile
  }
}
