/** Runs elementwise kernels that import shaders/shared/lanes.wgsl: four elements at once, then the last one to three singly. */
import type { Constants, Gpu, ShaderSource } from "../gpu/index.js";
import { constantNumber } from "../gpu/shader.js";
import type { BufferLike } from "./buffers.js";

/** Constants that make a kernel of shaders/shared/lanes.wgsl handle single elements. */
export const SINGLE = { Lane: "f32", LaneBits: "u32", LANE_BITS: "1u", LANES: 1 };

/** Elements a lane and constants for kernels whose rows of `length` elements are read whole: four where they divide. */
export const laneVariant = (length: number): { readonly width: 1 | 4; readonly constants: Partial<typeof SINGLE> } =>
  length % 4 === 0 ? { width: 4, constants: {} } : { width: 1, constants: SINGLE };

/** On software drivers one subgroup with a long loop, which their compilers do not unroll, takes half the time of many short ones. */
const SOFTWARE = { GROUP: 8, TURNS: 64 };

type OwnParam<S extends ShaderSource> = Exclude<S["params"][number]["name"], "start" | "end">;

/** One use of such a kernel: its buffers, and its parameters without the range that `dispatchLanes` fills in. */
export type LaneCall<S extends ShaderSource> = {
  readonly buffers: { readonly [B in S["bindings"][number]["name"]]: BufferLike };
  readonly constants?: Constants<S>;
  /** False when a buffer is read at an offset that is not a multiple of four elements: everything runs singly. */
  readonly aligned?: boolean;
} & ([OwnParam<S>] extends [never]
  ? { readonly params?: undefined }
  : { readonly params: { readonly [P in OwnParam<S>]: number } });

/** Applies the kernel to `length` elements. Buffers need not hold a multiple of four. */
export function dispatchLanes<S extends ShaderSource>(gpu: Gpu, shader: S, call: LaneCall<S>, length: number): void {
  const { buffers, constants, params, aligned = true } = call;
  const grid = gpu.info.software
    ? SOFTWARE
    : { GROUP: constantNumber(shader, "GROUP"), TURNS: constantNumber(shader, "TURNS") };
  const inLanes = aligned ? length - (length % 4) : 0;
  const run = (start: number, end: number, variant: Constants) =>
    gpu.dispatch(shader as ShaderSource, {
      buffers,
      params: { ...params, start, end },
      constants: { ...constants, ...grid, ...variant },
      groups: Math.ceil((end - start) / (grid.GROUP * grid.TURNS)),
    });
  if (inLanes > 0) run(0, inLanes / 4, {});
  if (inLanes < length) run(inLanes, length, SINGLE);
}
