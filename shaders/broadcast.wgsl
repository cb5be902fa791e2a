// y[i] = scale * x[(i / inner) % period] for i < count
#import elementwise

struct Params { count: u32, inner: u32, period: u32, scale: f32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(GROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let first = first_element(group, groups, lane);
  for (var turn = 0u; turn < TURNS; turn++) {
    let i = first + turn * GROUP;
    if (i < params.count) { y[i] = params.scale * x[(i / params.inner) % params.period]; }
  }
}
