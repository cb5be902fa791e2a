// y[i] = x[i] * g[(i / inner) % period], or x[i] + g[...] with ADD. The index of g is the *unit index* of element i.
// Read as `count` values of one or four elements. Four share one unit (inner a multiple of 4, Unit = f32) or have four units in a row
// (inner 1 and period a multiple of 4, Unit = vec4f); inner and period then count values.
#import elementwise
alias Value = f32;
alias Unit = f32;
const ADD = false;

struct Params { count: u32, inner: u32, period: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<Value>;
@group(0) @binding(2) var<storage, read> g: array<Unit>;
@group(0) @binding(3) var<storage, read_write> y: array<Value>;

@compute @workgroup_size(GROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let first = first_element(group, groups, lane);
  for (var turn = 0u; turn < TURNS; turn++) {
    let i = first + turn * GROUP;
    if (i < params.count) {
      let unit = g[(i / params.inner) % params.period];
      if (ADD) { y[i] = x[i] + unit; } else { y[i] = x[i] * unit; }
    }
  }
}
