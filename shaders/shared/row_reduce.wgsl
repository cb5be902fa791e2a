// Reductions over the invocations of a workgroup, in a fixed order. Every invocation gets the result.
// Uses workgroup memory `partials`; GROUP is a power of two.
const GROUP = 64u;

var<workgroup> partials: array<f32, GROUP>;

fn row_sum(lane: u32, value: f32) -> f32 {
  workgroupBarrier(); // the previous result may still be read
  partials[lane] = value;
  for (var width = GROUP >> 1u; width > 0u; width = width >> 1u) {
    workgroupBarrier();
    if (lane < width) { partials[lane] += partials[lane + width]; }
  }
  workgroupBarrier();
  return partials[0];
}

fn row_max(lane: u32, value: f32) -> f32 {
  workgroupBarrier();
  partials[lane] = value;
  for (var width = GROUP >> 1u; width > 0u; width = width >> 1u) {
    workgroupBarrier();
    if (lane < width) { partials[lane] = max(partials[lane], partials[lane + width]); }
  }
  workgroupBarrier();
  return partials[0];
}
