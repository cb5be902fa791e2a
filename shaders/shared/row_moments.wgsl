// Mean and 1 / sqrt(variance + epsilon) of a row of x over `params.count` elements: those of x, and zeros where channels were cut from it. The file
// that imports it binds `x`: array<Stored>, and `params` with columns (values of a row), count and epsilon. Every invocation must get here.
#import row_lanes
#import across

struct Moments { mean: f32, rstd: f32 }

// start: the first value of the row. One pass over distances from its mean, `origin`: its square is among those that make up the variance, so that
// little cancels.
fn moments_of(start: u32, lane: u32) -> Moments {
  let origin = sum_across(Value(x[start])) / f32(WIDTH);
  var total = Value(0.0);
  var squares = Value(0.0);
  for (var i = lane % LANES; i < params.columns; i += LANES) {
    let distance = Value(x[start + i]) - origin;
    total += distance;
    squares += distance * distance;
  }
  let zeros = params.count - f32(params.columns * WIDTH);
  let shift = (row_sum(lane, sum_across(total)) - zeros * origin) / params.count;
  let square = (row_sum(lane, sum_across(squares)) + zeros * origin * origin) / params.count;
  let variance = max(square - shift * shift, 0.0);
  return Moments(origin + shift, inverseSqrt(variance + params.epsilon));
}
