// What one weight adds to a score: from its gradient (or a sum over batches) a and its value w. TERM picks the formula.
const SIGNED = 0u;           // a w
const ABSOLUTE = 1u;         // |a w|
const SQUARED = 2u;          // (a w)^2
const GRADIENT_SQUARED = 3u; // a^2
const IDENTITY = 4u;         // a
const MAGNITUDE = 5u;        // |a|
const FISHER = 6u;           // a w^2 / 2
const TERM = 0u;

fn saliency_term(a: Value, w: Value) -> Value {
  if (TERM == SIGNED) { return a * w; }
  if (TERM == ABSOLUTE) { return abs(a * w); }
  if (TERM == SQUARED) { return (a * w) * (a * w); }
  if (TERM == GRADIENT_SQUARED) { return a * a; }
  if (TERM == IDENTITY) { return a; }
  if (TERM == MAGNITUDE) { return abs(a); }
  return 0.5 * a * w * w;
}
