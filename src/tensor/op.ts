/** Differentiable operations: forward and backward side by side, the second required by type. */
import { KernelError, ShapeError } from "../errors.js";
import type { Gpu } from "../gpu/index.js";
import type { Activation } from "../kernels/activation.js";
import { type Factors, type FollowedTangents, historyEnabled, type Inputs, type Neighbours } from "./tape.js";
import { Tensor } from "./tensor.js";

type InputName<I extends Inputs> = Extract<keyof I, string>;

/** What `backward` of an operation gets. */
export interface BackwardContext<I extends Inputs, A, S> extends Neighbours {
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

/** Tensors of the inputs' shapes by their names: gradients, where an absent one is not wanted, or tangents, where an absent one is zero. */
export type ByInput<I extends Inputs> = { readonly [K in keyof I]?: Tensor };

/** What `tangent.forward` of an operation gets. */
export interface TangentContext<I extends Inputs, A, S>
  extends Pick<BackwardContext<I, A, S>, "gpu" | "inputs" | "attributes" | "saved" | "out"> {
  /** How the inputs move; at least one is there. Not to be written to. */
  readonly tangents: ByInput<I>;
}

/** What `tangent.backward` of an operation gets. */
export interface CurvatureContext<I extends Inputs, A, S, T> extends BackwardContext<I, A, S> {
  readonly tangents: ByInput<I>;
  /** The tangent of `out`, from `tangent.forward`. */
  readonly outTangent: Tensor;
  /** What `tangent.forward` kept besides. */
  readonly savedTangent: T;
}

/** How an operation's result and its gradients follow when its inputs move: what Hessian-vector products need. */
export interface TangentDefinition<I extends Inputs, A, S, T> {
  /** Jacobian-vector product: the tangent of `out`, as a new tensor. */
  readonly forward: (context: TangentContext<I, A, S>) => { out: Tensor; saved: T };
  /**
   * By input name the change of what `backward` returns, as the inputs move and `gradient` stays; each a new tensor. Left out: no change. That
   * `gradient` moves too is no matter of the operation: `backward` is linear in it.
   */
  readonly backward?: (context: CurvatureContext<I, A, S, T>) => ByInput<I>;
}

/** A differentiable operation. */
export interface OpDefinition<I extends Inputs, A, S, T> {
  readonly name: string;
  /** Inputs that `forward` also takes as f16; there are no gradients then. Default: none. */
  readonly float16?: readonly InputName<I>[];
  readonly forward: (gpu: Gpu, inputs: I, attributes: A) => { out: Tensor; saved: S };
  /** Gradients by input name, each a new tensor or `gradient` itself. Inputs left out are constants to this operation. */
  readonly backward: (context: BackwardContext<I, A, S>) => ByInput<I>;
  /** For activation functions of an input x: which one it is. */
  readonly activation?: (attributes: A) => Activation;
  /** For operations that multiply an input x by factors of the last axis: these. */
  readonly factors?: (gpu: Gpu, inputs: I, attributes: A) => Factors | undefined;
  /** An input whose activation function and factors `backward` takes along: given `folded`, the input's gradient is that by what those were given. */
  readonly folds?: InputName<I>;
  /** An input whose gradient `backward` can add to a total as it computes it: given `summed`, it gives none. */
  readonly sums?: InputName<I>;
  /** "linear": in all inputs together, so that tangents go through `forward` as they are. Left out: no second derivatives. */
  readonly tangent?: "linear" | TangentDefinition<I, A, S, T>;
}

/** The result of `forward` for tangents in the place of the inputs, zeros where one is absent. */
function forwardOfTangents<I extends Inputs, A, S>(
  forward: OpDefinition<I, A, S, unknown>["forward"],
  { gpu, inputs, attributes, tangents }: TangentContext<I, A, S>,
): Tensor {
  using scope = gpu.scope();
  const moved = Object.entries(inputs).map(([name, input]) => {
    return [name, input && (tangents[name] ?? Tensor.zeros(gpu, input.shape))];
  });
  return scope.promote(forward(gpu, Object.fromEntries(moved), attributes).out);
}

function followTangents<I extends Inputs, A, S, T>(
  { name, forward, tangent }: OpDefinition<I, A, S, T>,
  context: TangentContext<I, A, S>,
  needs: (name: InputName<I>) => boolean,
): FollowedTangents {
  if (tangent === "linear") return { out: forwardOfTangents(forward, context), backward: () => ({}) };
  if (!tangent) {
    throw new KernelError(
      `${name}: expected an operation with second derivatives, got one without; add \`tangent\` to its defineOp`,
    );
  }
  const { out: outTangent, saved: savedTangent } = tangent.forward(context);
  return {
    out: outTangent,
    backward: (gradient) => tangent.backward?.({ ...context, gradient, needs, outTangent, savedTangent }) ?? {},
  };
}

/** @throws KernelError where a tensor of f16 is given for an input that is read as f32, or would need a gradient. */
function checkFloat16(name: string, inputs: Inputs, takes: readonly string[], tracked: boolean): void {
  const narrow = Object.keys(inputs).filter((key) => inputs[key]?.type === "f16");
  const wrong = narrow.filter((key) => !takes.includes(key));
  if (wrong.length > 0) {
    const remedy = "cast to f32 first, or use a model in f32";
    throw new KernelError(`${name}: expected tensors of f32, got f16 for ${wrong.join(" and ")}; ${remedy}`);
  }
  if (tracked && narrow.length > 0)
    throw new KernelError(`${name}: gradients: expected tensors of f32, got f16; use a model in f32`);
}

/** Makes a function that runs `forward` and, where a gradient is wanted, remembers how to run `backward` and `tangent`. */
export function defineOp<I extends Inputs, A, S, T = undefined>(
  definition: OpDefinition<I, A, S, T>,
): (inputs: I, attributes: A) => Tensor {
  const { name, float16 = [], folds, sums, forward, backward } = definition;
  return (inputs, attributes) => {
    const given = Object.values(inputs).filter((tensor) => tensor !== undefined);
    const gpu = given[0]?.gpu;
    if (!gpu) throw new ShapeError(`${name}: expected at least one tensor, got none`);
    if (given.some((tensor) => tensor.gpu !== gpu)) {
      throw new ShapeError(`${name}: expected tensors of one device, got several; read one back and upload it`);
    }
    const remembers = historyEnabled() && given.some((tensor) => tensor.tracked);
    checkFloat16(name, inputs, float16, remembers);
    const { out, saved } = forward(gpu, inputs, attributes);
    if (remembers) {
      const needs = (key: InputName<I>) => inputs[key]?.tracked ?? false;
      const context = { gpu, inputs, attributes, saved, out };
      out.node = {
        name,
        inputs,
        activation: definition.activation?.(attributes),
        factors: definition.factors?.(gpu, inputs, attributes),
        folds,
        sums,
        backward: (gradient, neighbours) => backward({ ...context, gradient, needs, ...neighbours }),
        tangent: (tangents) => followTangents(definition, { ...context, tangents }, needs),
      };
    }
    return out;
  };
}
