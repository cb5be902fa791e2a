// What takes the place of a weight's gradient g, of the weight w: the path score where g is the gradient by the weight's square (PX, CVPR 2024).
// src/kernels/weight-term.ts puts other expressions in its place.
#import value
fn weight_term(g: Value, w: Value) -> Value { return w * w * abs(g); }
