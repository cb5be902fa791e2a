// What a kernel reads, computes and writes at once: one element, or four where src/kernels/elements.ts swaps these lines.
// Kernels that go through the components of a value declare the single one as array<f32, 1>.
alias Value = f32; // vec4f
const WIDTH = 1u; // 4u
// A value as it lies in memory, where a kernel has a choice: it reads Value(x[i]) and writes y[i] = Stored(value).
alias Stored = Value; // f16 or vec4h
