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
