/** What the parts of the comparison with other libraries tell each other. */

/** A value of a row: float32, row-major. */
export interface HostTensor {
  readonly data: Float32Array;
  readonly shape: readonly number[];
}

export type HostTensors = Readonly<Record<string, HostTensor>>;
export type HostResults = Readonly<Record<string, Float32Array>>;

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

/** One computation that every library does with the same numbers; each says how by `kind`. */
export interface Row {
  readonly name: string;
  readonly kind: RowKind;
  /** Most libraries take many seconds. */
  readonly long?: boolean;
  readonly inputs: () => HostTensors;
  /** The largest error of the outputs as a share of what is tolerated, against float64 in plain loops: right where it is at most 1. */
  readonly error: (inputs: HostTensors, outputs: HostResults) => number;
}

/** A row on a library's device, ready to be repeated. */
export interface PreparedRow {
  /** Computes it once; done when the commands are submitted. */
  run(): void | Promise<void>;
  /** What the last run computed, by name. */
  outputs(): Promise<HostResults>;
  /** What to know of how it is computed. */
  readonly note?: string;
  release?(): void;
}

/** A library on the adapter that `navigator.gpu` gives. */
export interface Library {
  readonly version: string;
  readonly device: GPUDevice;
  /** A text says why it cannot. */
  prepare(kind: RowKind, inputs: HostTensors): Promise<PreparedRow | string>;
}

/** One library at one row. */
export interface PeerResult {
  readonly peer: string;
  /** Empty where its process did not live to tell. */
  readonly version: string;
  readonly row: string;
  /** Wall milliseconds of one run, one value a sample; none where the library cannot or its results are wrong. */
  readonly samples: readonly number[];
  /** CPU milliseconds of one run, all threads of the process, smallest of the samples. */
  readonly cpu?: number;
  /** Compute dispatches of one run. */
  readonly dispatches?: number;
  /** Milliseconds of the first run, which compiles. */
  readonly first?: number;
  /** Largest error as a share of the tolerance. */
  readonly error?: number;
  readonly correct: boolean;
  /** Why it cannot, or how it is computed. */
  readonly note?: string;
}
