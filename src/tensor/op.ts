/** Differentiable operations: forward and backward side by side, the second required by type. */
import { ShapeError } from "../errors.js";
import type { Gpu } from "../gpu/index.js";
import { callSynchronously, type Synchronous } from "../gpu/synchronous.js";
import type { Tensor } from "./tensor.js";

/** Tensors by name; `undefined` for optional ones that a call leaves out. */
export type Inputs = Readonly<Record<string, Tensor | undefined>>;

type InputName<I extends Inputs> = Extract<keyof I, string>;

/** What `backward` of an operation gets. */
export interface BackwardContext<I extends Inputs, A, S> {
  readonly gpu: Gpu;
  readonly inputs: I;
  readonly attributes: A;
  /** What forward kept besides its inputs. */
  readonly saved: S;
  readonly out: Tensor;
  /** Gradient of the final scalar with respect to `out`; same shape. Not to be written to. */
  readonly gradient: Tensor;
  /** Whether anybody asks for the gradient of this input. */
  readonly needs: (name: InputName<I>) => boolean;
}

/** A differentiable operation. */
export interface OpDefinition<I extends Inputs, A, S> {
  readonly name: string;
  readonly forward: (gpu: Gpu, inputs: I, attributes: A) => { out: Tensor; saved: S };
  /** Gradients by input name, each a new tensor or `gradient` itself. Inputs left out are constants to this operation. */
  readonly backward: (context: BackwardContext<I, A, S>) => { readonly [K in keyof I]?: Tensor };
}

/** One executed operation. `backward` is bound to its inputs and saved values. */
export interface TapeNode {
  readonly name: string;
  readonly inputs: Inputs;
  readonly backward: (gradient: Tensor) => Inputs;
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

/** Makes a function that runs `forward` and, where a gradient is wanted, remembers how to run `backward`. */
export function defineOp<I extends Inputs, A, S>(
  definition: OpDefinition<I, A, S>,
): (inputs: I, attributes: A) => Tensor {
  const { name, forward, backward } = definition;
  return (inputs, attributes) => {
    const given = Object.values(inputs).filter((tensor) => tensor !== undefined);
    const gpu = given[0]?.gpu;
    if (!gpu) throw new ShapeError(`${name}: expected at least one tensor, got none`);
    if (given.some((tensor) => tensor.gpu !== gpu)) {
      throw new ShapeError(`${name}: expected tensors of one device, got several; read one back and upload it`);
    }
    const { out, saved } = forward(gpu, inputs, attributes);
    if (recordingHistory && given.some((tensor) => tensor.tracked)) {
      const needs = (key: InputName<I>) => inputs[key]?.tracked ?? false;
      out.node = {
        name,
        inputs,
        backward: (gradient) => backward({ gpu, inputs, attributes, saved, out, gradient, needs }),
      };
    }
    return out;
  };
}
