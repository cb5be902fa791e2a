/** Runs elementwise kernels, which import shaders/shared/elementwise.wgsl and say in `apply(i)` what becomes of value i. */
import type { Constants, Gpu, ShaderSource } from "../gpu/index.js";
import type { BufferLike } from "./buffers.js";
import { type FloatStorage, valueConstants } from "./elements.js";

const GRID = { GROUP: 64, TURNS: 4 };

/** On software drivers one subgroup with a long loop, which their compilers do not unroll, takes half the time of many short ones. */
const SOFTWARE_GRID = { GROUP: 8, TURNS: 64 };

/** Elements that are taken singly where the last are no four: a second dispatch would cost more. */
const MOST_SINGLY = 1024;

/** Names of the parameters of an elementwise kernel that its caller sets: all but the range. */
export type ElementwiseParam<S extends ShaderSource> = Exclude<S["params"][number]["name"], "start" | "end">;

/** One use of such a kernel: its buffers, and its parameters without the range that `dispatchElementwise` fills in. */
export type ElementwiseCall<S extends ShaderSource> = {
  readonly buffers: { readonly [B in S["bindings"][number]["name"]]: BufferLike };
  readonly constants?: Constants<S> | ((width: 1 | 4) => Constants<S>);
  /** Of what the kernel binds as arrays of `Stored`. Default: f32. */
  readonly storage?: FloatStorage;
  /** False when four neighbours cannot be treated as one value: everything runs singly. */
  readonly inFours?: boolean;
} & ([ElementwiseParam<S>] extends [never]
  ? { readonly params?: undefined }
  : string extends ElementwiseParam<S>
    ? { readonly params?: Readonly<Record<string, number>> }
    : { readonly params: { readonly [P in ElementwiseParam<S>]: number } });

/**
 * Applies an elementwise kernel to `length` elements: four at once, then the last one to three singly. Such a kernel imports `elementwise`, which
 * has the entry point, declares `start` and `end` in `struct Params`, and defines `apply(i: u32)` for value i; it reads four elements at once
 * where it imports `value` and binds arrays of `Value`, and one where it does not and says `inFours: false`. Buffers need not hold a multiple of
 * four. `shader` may be a function of the elements a value, for kernels that differ by more than `Value`.
 */
export function dispatchElementwise<S extends ShaderSource>(
  gpu: Gpu,
  shader: S | ((width: 1 | 4) => S),
  { buffers, params, constants, storage, inFours = true }: ElementwiseCall<S>,
  length: number,
): void {
  const grid = gpu.info.software ? SOFTWARE_GRID : GRID;
  const run = (start: number, end: number, width: 1 | 4) => {
    const given = typeof constants === "function" ? constants(width) : constants;
    const kernel: ShaderSource = typeof shader === "function" ? shader(width) : shader;
    gpu.dispatch(kernel, {
      buffers,
      params: { ...params, start, end },
      constants: { ...given, ...grid, ...valueConstants(kernel, width, storage) },
      groups: Math.ceil((end - start) / (grid.GROUP * grid.TURNS)),
    });
  };
  const fours = inFours && (length % 4 === 0 || length > MOST_SINGLY) ? Math.floor(length / 4) : 0;
  if (fours > 0) run(0, fours, 4);
  if (fours * 4 < length) run(fours * 4, length, 1);
}
