// What a kernel takes of value i. src/kernels/term.ts puts the fragment of an expression over named buffers in its place.
@group(0) @binding(2) var<storage, read> x: array<Value>;
fn term(i: u32) -> Value { return x[i]; }
