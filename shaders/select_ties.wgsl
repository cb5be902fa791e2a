// ties[firstBlock + b] += scores of block b that equal the threshold, when only some of them are to be pruned
// scores: the f32 bits from `first` up to `end`. An invocation counts whole words of 32 scores.
#import grid
#import score_key
#import selection

const GROUP = 64u;
const TURNS = 1u; // words an invocation

struct Params { first: u32, end: u32, firstBlock: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> scores: array<vec4u>;
@group(0) @binding(2) var<storage, read> selection: Selection;
@group(0) @binding(3) var<storage, read_write> ties: array<atomic<u32>>;

fn count(word: u32) {
  var equal = vec4u(0u);
  for (var part = 0u; part < 8u; part++) {
    let i = word * 8u + part;
    if (i * 4u < params.end) {
      let at = vec4u(i * 4u) + vec4u(0u, 1u, 2u, 3u);
      let counted = (at >= vec4u(params.first)) & (at < vec4u(params.end));
      equal += select(vec4u(0u), vec4u(1u), counted & (score_keys(scores[i]) == vec4u(selection.key)));
    }
  }
  let total = equal.x + equal.y + equal.z + equal.w;
  if (total > 0u) { atomicAdd(&ties[params.firstBlock + word / BLOCK_WORDS], total); }
}

@compute @workgroup_size(GROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  if (selection.rank + 1u == selection.equal) { return; }
  let first = linear_group(group, groups) * GROUP * TURNS + lane;
  for (var turn = 0u; turn < TURNS; turn++) { count(first + turn * GROUP); }
}
