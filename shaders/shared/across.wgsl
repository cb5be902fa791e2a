// The elements of one value brought together, and their places.
#import value
alias Places = u32; // vec4u
const PLACE = 0u; // vec4u(0u, 1u, 2u, 3u)

fn sum_across(value: Value) -> f32 {
  let v = vec4f(value);
  if (WIDTH == 1u) { return v.x; }
  return (v.x + v.y) + (v.z + v.w);
}

fn max_across(value: Value) -> f32 {
  let v = vec4f(value);
  return max(max(v.x, v.y), max(v.z, v.w));
}

// Of four neighbours those from `first` on that make a value.
fn value_of(four: vec4f, first: u32) -> Value {
  let place = Places(first) + PLACE;
  let low = select(Value(four.x), Value(four.y), place == Places(1u));
  return select(low, select(Value(four.z), Value(four.w), place == Places(3u)), place > Places(1u));
}
