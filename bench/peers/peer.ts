/** What the parts of the comparison with other libraries tell each other. */

/** A value of a row: float32, row-major. */
export interface HostTensor {
  readonly data: Float32Array;
  readonly shape: readonly number[];
}

export type RowKind =
  | "matmul"
  | "maskedMatmul"
  | "softmax"
  | "layerNorm"
  | "gelu"
  | "saliency"
  | "select"
  | "attention"
  | "blockForward"
  | "blockGradients";

/** One computation that every library does with the same numbers. `libraries/` says how by `kind`. */
export interface Row {
  readonly name: string;
  readonly kind: RowKind;
  readonly inputs: () => Readonly<Record<string, HostTensor>>;
  /** The largest error of the outputs as a share of what is tolerated, against float64 in plain loops: right where it is at most 1. */
  readonly error: (
    inputs: Readonly<Record<string, HostTensor>>,
    outputs: Readonly<Record<string, Float32Array>>,
  ) => number;
  readonly flops?: number;
}

/** A row on a library's device, ready to be repeated. */
export interface PreparedRow {
  /** Enqueues the computation once. */
  run(): void | Promise<void>;
  /** Resolves when the device has done all that was enqueued. */
  finish(): Promise<unknown>;
  /** What the last run computed, by name. */
  outputs(): Promise<Readonly<Record<string, Float32Array>>>;
  /** What to know of how it is computed. */
  readonly note?: string;
  release?(): void;
}

/** A library on the adapter that `navigator.gpu` gives. */
export interface Library {
  readonly version: string;
  /** A text says why it cannot. */
  prepare(row: Row, inputs: Readonly<Record<string, HostTensor>>): Promise<PreparedRow | string>;
}

/** One library at one row. */
export interface PeerResult {
  readonly peer: string;
  readonly version: string;
  readonly row: string;
  /** Wall milliseconds of one run, one value a sample; none where the library cannot. */
  readonly samples: readonly number[];
  /** CPU milliseconds of one run, all threads of the process, smallest of the samples. */
  readonly cpu?: number;
  /** Compute dispatches of one run. */
  readonly dispatches?: number;
  /** Milliseconds of the first run, which compiles. */
  readonly first?: number;
  /** Largest error as a share of the tolerance. */
  readonly error?: number;
  /** False where the results are wrong: no time counts then. */
  readonly correct: boolean;
  /** Why it cannot, or how it is computed. */
  readonly note?: string;
}
