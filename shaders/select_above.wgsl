// Bit i of keep = 1 where score i lies above the cut, for i from `first` up to `end`; result[1] += scores pruned
// scores: f32 bits; score i is number i + shift, modulo 2^32, of the range that was cut. Bits outside of the range stay as they are.
#import grid
#import score_key
#import cut
#import keep_word

const GROUP = 64u;
const TURNS = 1u; // words an invocation

struct Params { first: u32, end: u32, shift: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> scores: array<vec4u>;
@group(0) @binding(2) var<storage, read> cut: Cut;
@group(0) @binding(3) var<storage, read_write> keep: array<u32>;
@group(0) @binding(4) var<storage, read_write> result: array<atomic<u32>>;

// The number of scores pruned.
fn write(word: u32) -> u32 {
  let range = in_range(word);
  if (range == 0u) { return 0u; }
  var bits = 0u;
  for (var part = 0u; part < 8u; part++) {
    let keys = score_keys(scores[word * 8u + part]);
    let at = vec4u((word * 8u + part) * 4u + params.shift) + vec4u(0u, 1u, 2u, 3u);
    let above = (keys > vec4u(cut.key)) | ((keys == vec4u(cut.key)) & (at > vec4u(cut.last)));
    let kept = select(vec4u(0u), vec4u(1u, 2u, 4u, 8u), above);
    bits |= (kept.x | kept.y | kept.z | kept.w) << (part * 4u);
  }
  write_word(word, bits, range);
  return countOneBits(range & ~bits);
}

@compute @workgroup_size(GROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let first = linear_group(group, groups) * GROUP * TURNS + lane;
  var pruned = 0u;
  for (var turn = 0u; turn < TURNS; turn++) { pruned += write(first + turn * GROUP); }
  if (pruned > 0u) { atomicAdd(&result[1], pruned); }
}
