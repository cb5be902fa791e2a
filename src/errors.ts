/**
 * The errors of this library. Each message reads "object: expected, got; what to do", so that one line is enough
 * to mend the call. Every room may import this file; it imports nothing.
 */

/** A device, adapter or driver cannot do what was asked, was lost, or reported a fault. */
export class GpuError extends Error {
  override name = "GpuError";
}

/** A kernel was dispatched with wrong bindings, parameters or constants, or its WGSL does not compile. */
export class KernelError extends Error {
  override name = "KernelError";
}

/** Tensor shapes do not fit the operation. */
export class ShapeError extends Error {
  override name = "ShapeError";
}

/** A file or its content is not what its format promises. */
export class FormatError extends Error {
  override name = "FormatError";
}

/** An option or argument has a value outside of what it allows. */
export class UsageError extends Error {
  override name = "UsageError";
}
