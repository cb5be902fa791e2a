/** What all variants of matmul have in common: a checked call, and the constants and bindings of operands and epilogue. */
import type { Gpu, GpuBuffer } from "../gpu/index.js";
import type { MatmulBuffers, MatmulOptions, MatmulOrder, MatmulSize } from "./matmul.js";
import { weightConstants } from "./weight-as.js";

const ACTIVATIONS = ["none", "relu", "gelu"] as const;

export interface MatmulCall {
  readonly gpu: Gpu;
  readonly order: MatmulOrder;
  readonly buffers: MatmulBuffers;
  readonly size: MatmulSize;
  readonly options: MatmulOptions;
}

/** Constants and bindings of shaders/shared/epilogue.wgsl. An absent part gets a placeholder that the kernel never reads. */
export function epilogue({ gpu, order, buffers, options }: MatmulCall, width: 1 | 4 = 1) {
  const { a, bias, mask, gate, residual, scored, activated, preactivation, out } = buffers;
  const activation = ACTIVATIONS.indexOf(options.activation ?? "none");
  let placeholder: GpuBuffer | undefined;
  const unread = () => {
    placeholder ??= gpu.allocate(4 * width);
    return placeholder;
  };
  return {
    constants: {
      BIAS: bias !== undefined,
      ACTIVATION: activated ? 0 : activation,
      GATE: gate !== undefined,
      GATE_FIRST: options.gateFirst ?? false,
      RESIDUAL: residual !== undefined,
      SLOPE: activated ? activation : 0,
      SCORE: scored !== undefined,
      ACCUMULATE: options.accumulate ?? false,
      PREACTIVATION: preactivation !== undefined,
      MASK_OUT: mask !== undefined && order === "tn",
      ...((options.resultStorage ?? options.storage) === "f16" && { Result: width === 4 ? "vec4h" : "f16" }),
    },
    buffers: {
      mask: mask ?? a,
      bias: bias ?? unread(),
      gate: gate ?? unread(),
      residual: residual ?? scored ?? activated ?? unread(),
      preactivation: preactivation ?? gpu.allocate(4 * width),
      out,
    },
  };
}

export const operandConstants = ({ order, buffers, options }: MatmulCall) => ({
  A_TRANSPOSED: order === "tn",
  B_TRANSPOSED: order === "nt",
  MASK_B: buffers.mask !== undefined && order !== "tn",
  ...weightConstants(options.weightAs),
});

/** An operand b that is not read may be absent. */
export const operands = ({ buffers: { a, b = a } }: MatmulCall) => ({ a, b });
