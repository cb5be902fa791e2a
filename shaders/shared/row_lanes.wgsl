// Rows shared by LANES neighbouring invocations; a workgroup takes ROWS of them. Reductions over the invocations of a row, in a fixed order; each
// of them gets the result. With LANES 1, as on software drivers, there is no barrier and no workgroup memory: they cost more there than they save.
// GROUP and LANES are powers of two. Every invocation of the workgroup must get here: clamp the row instead of returning early.
const GROUP = 64u;
const LANES = 64u;
const ROWS = GROUP / LANES;

var<workgroup> partials: array<f32, GROUP>;

fn row_sum(lane: u32, value: f32) -> f32 {
  if (LANES == 1u) { return value; }
  workgroupBarrier(); // the previous result may still be read
  partials[lane] = value;
  for (var width = LANES >> 1u; width > 0u; width = width >> 1u) {
    workgroupBarrier();
    if (lane % LANES < width) { partials[lane] += partials[lane + width]; }
  }
  workgroupBarrier();
  return partials[(lane / LANES) * LANES];
}

fn row_max(lane: u32, value: f32) -> f32 {
  if (LANES == 1u) { return value; }
  workgroupBarrier();
  partials[lane] = value;
  for (var width = LANES >> 1u; width > 0u; width = width >> 1u) {
    workgroupBarrier();
    if (lane % LANES < width) { partials[lane] = max(partials[lane], partials[lane + width]); }
  }
  workgroupBarrier();
  return partials[(lane / LANES) * LANES];
}
