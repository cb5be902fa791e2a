// mask[i] = 1 where fewer than `keep` scores of i's range rank before scores[i], else 0: the range's `keep` largest scores stay
// keep = ceil(sigmoid(thresholds[r]) * count) of range r; where round_to divides count, the multiple of round_to nearest to that, up on ties, at least
// round_to. Larger scores rank before smaller ones, and of equal ones the first. Ranks are counted: ranges have at most a few thousand scores.
// scores, mask: arena; chunks: what each workgroup ranks, GROUP scores at most. `scores` is read by values of WIDTH elements.
#import grid
#import sigmoid
const GROUP = 64u;
alias Value = array<f32, 1>; // vec4f where all ranges allow
const WIDTH = 1u;

struct Chunk { first: u32, count: u32, start: u32, range: u32, round_to: u32 }

struct Params { chunks: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> scores: array<Value>;
@group(0) @binding(2) var<storage, read> thresholds: array<f32>;
@group(0) @binding(3) var<storage, read> chunks: array<Chunk>;
@group(0) @binding(4) var<storage, read_write> mask: array<f32>;

fn score(i: u32) -> f32 {
  let value = scores[i / WIDTH];
  return value[i % WIDTH];
}

fn kept(threshold: f32, count: u32, round_to: u32) -> u32 {
  let keep = clamp(u32(ceil(sigmoid(threshold) * f32(count))), 1u, count);
  if (count % round_to != 0u) { return keep; }
  return max((keep + round_to / 2u) / round_to, 1u) * round_to;
}

@compute @workgroup_size(GROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let index = linear_group(group, groups);
  if (index >= params.chunks) { return; }
  let chunk = chunks[index];
  let place = chunk.start + lane;
  if (place >= chunk.count) { return; }
  let own = score(chunk.first + place);
  var ahead = 0u;
  for (var at = 0u; at < chunk.count; at += WIDTH) {
    let others = scores[(chunk.first + at) / WIDTH];
    for (var c = 0u; c < WIDTH; c++) {
      ahead += u32(others[c] > own || (others[c] == own && at + c < place));
    }
  }
  let keep = kept(thresholds[chunk.range], chunk.count, chunk.round_to);
  mask[chunk.first + place] = select(0.0, 1.0, ahead < keep);
}
