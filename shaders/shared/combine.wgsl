// Terms combine to their sum, or to the largest with MAX; ACCUMULATE combines a result with what is there before.
const MAX = false;
const ACCUMULATE = false;

fn combine(a: Value, b: Value) -> Value {
  if (MAX) { return max(a, b); }
  return a + b;
}
