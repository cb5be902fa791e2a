// Keeps the KEEP largest of every run of RUN scores: bit i of keep = 1 where fewer than KEEP scores of i's run rank above score i, for i from
// `first` up to `end`, both multiples of RUN
// scores: f32 bits; of equal ones the later ranks above. RUN: 2, 4, 8, 16 or 32, so that runs lie in words.
#import grid
#import score_key
#import keep_word

const GROUP = 64u;
const TURNS = 1u; // words an invocation
const RUN = 4u;
const KEEP = 2u;
const LOADS = (RUN + 3u) / 4u; // of a run

struct Params { first: u32, end: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> scores: array<vec4u>;
@group(0) @binding(2) var<storage, read_write> keep: array<u32>;

// 1 for each of four scores that the score with this key and place ranks above.
fn below(keys: vec4u, at: vec4u, key: u32, place: u32) -> vec4u {
  let above = (vec4u(key) > keys) | ((vec4u(key) == keys) & (vec4u(place) > at));
  return select(vec4u(0u), vec4u(1u), above & (vec4u(place / RUN) == at / RUN));
}

fn write(word: u32) {
  let range = in_range(word);
  if (range == 0u) { return; }
  var bits = 0u;
  for (var part = 0u; part < 8u; part++) {
    let load = word * 8u + part;
    let keys = score_keys(scores[load]);
    let at = vec4u(load * 4u) + vec4u(0u, 1u, 2u, 3u);
    var larger = vec4u(0u);
    for (var l = 0u; l < LOADS; l++) {
      let other = load - load % LOADS + l;
      let others = score_keys(scores[other]);
      larger += below(keys, at, others.x, other * 4u) + below(keys, at, others.y, other * 4u + 1u);
      larger += below(keys, at, others.z, other * 4u + 2u) + below(keys, at, others.w, other * 4u + 3u);
    }
    let kept = select(vec4u(0u), vec4u(1u, 2u, 4u, 8u), larger < vec4u(KEEP));
    bits |= (kept.x | kept.y | kept.z | kept.w) << (part * 4u);
  }
  write_word(word, bits, range);
}

@compute @workgroup_size(GROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let first = linear_group(group, groups) * GROUP * TURNS + lane;
  for (var turn = 0u; turn < TURNS; turn++) { write(first + turn * GROUP); }
}
