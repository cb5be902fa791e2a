/** What operations leave behind for `backward` and Hessian-vector products, and whether they do. */
import { callSynchronously, type Synchronous } from "../gpu/synchronous.js";
import type { Activation } from "../kernels/activation.js";
import type { ExpressionText } from "../kernels/map-expression.js";
import type { Tensor } from "./tensor.js";

/** Tensors by name; `undefined` for optional ones that a call leaves out. */
export type Inputs = Readonly<Record<string, Tensor | undefined>>;

/** An activation function or factors by column, or the factors times the function's result: what lies between x and an operation's input. */
export interface Between {
  readonly x: Tensor;
  readonly kind?: Activation;
  readonly factors?: Tensor;
  /** Where the factors ask for a gradient: takes that of the operation's input, which gives way to x's otherwise. */
  readonly take?: (gradient: Tensor) => void;
}

/** Factors by column, and their gradient from the one of what was multiplied. */
export interface Factors {
  readonly g: Tensor;
  readonly gradient: (dy: Tensor) => Tensor;
}

/** A term over a weight's gradient g and the weight w, a WGSL expression that is added to a total in the gradient's place. */
export interface TermSum {
  readonly term: ExpressionText;
  readonly weight: Tensor;
  readonly total: Tensor;
}

/** What `backward` knows of the tensors around an operation that nobody else uses. */
export interface Neighbours {
  /** What the input went through that the operation `folds`: its gradient is that by x. */
  readonly folded?: Between;
  /** What becomes of the gradient of the input that the operation `sums`: no gradient is wanted then. */
  readonly summed?: TermSum;
}

/** A result's tangent, and from the result's gradient the change of the inputs' gradients that the inputs' tangents cause. */
export interface FollowedTangents {
  readonly out: Tensor;
  readonly backward: (gradient: Tensor) => Inputs;
}

/** One executed operation. Its functions are bound to its inputs and saved values. */
export interface TapeNode {
  readonly name: string;
  readonly inputs: Inputs;
  readonly activation?: Activation;
  readonly factors?: Factors;
  readonly folds?: string;
  readonly sums?: string;
  readonly backward: (gradient: Tensor, neighbours: Neighbours) => Inputs;
  /** @throws KernelError when the operation has no second derivatives. */
  readonly tangent: (tangents: Inputs) => FollowedTangents;
}

let recordingHistory = true;

/** Whether operations remember how to run backward right now. */
export const historyEnabled = (): boolean => recordingHistory;

/**
 * Runs `fn` without remembering anything for gradients, so that intermediate results can be released early.
 *
 * @throws KernelError when `fn` is asynchronous: what it does after an `await` would be remembered.
 */
export function withoutHistory<T>(fn: () => Synchronous<T>): T {
  const previous = recordingHistory;
  recordingHistory = false;
  try {
    return callSynchronously<T>("withoutHistory", fn);
  } finally {
    recordingHistory = previous;
  }
}
