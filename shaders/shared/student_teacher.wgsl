// Log-probabilities of a teacher (x) and a student (y) by row, from `teacher` and `logits` (rows x params.classes) over params.temperature. Taken
// from the logits, as the logarithm of a probability that rounds to zero would be infinite. Needs row_lanes.
struct Scale { highest: vec2f, log_total: vec2f }

fn scaled(i: u32, highest: vec2f) -> vec2f {
  return (vec2f(teacher[i], logits[i]) - highest) * (1.0 / params.temperature);
}

// Every invocation of the row's LANES must get here.
fn row_scale(lane: u32, start: u32) -> Scale {
  var highest = vec2f(teacher[start], logits[start]);
  for (var c = lane % LANES; c < params.classes; c += LANES) {
    highest = max(highest, vec2f(teacher[start + c], logits[start + c]));
  }
  highest = vec2f(row_max(lane, highest.x), row_max(lane, highest.y));
  var total = vec2f();
  for (var c = lane % LANES; c < params.classes; c += LANES) { total += exp(scaled(start + c, highest)); }
  return Scale(highest, log(vec2f(row_sum(lane, total.x), row_sum(lane, total.y))));
}

fn log_probability(i: u32, scale: Scale) -> vec2f {
  return scaled(i, scale.highest) - scale.log_total;
}
