/** How many invocations share a row in the kernels that import shaders/shared/row_lanes.wgsl. */
import type { Gpu } from "../gpu/index.js";

const WORKGROUP = { GROUP: 64, LANES: 64 } as const;

/** Software drivers run lanes one after the other and pay for each barrier: a row each, and small workgroups to spread over the cores. */
const SOFTWARE = { GROUP: 8, LANES: 1 } as const;

/** Constants and grid for `rows` rows. */
export function rowLanes(gpu: Gpu, rows: number): { constants: { GROUP: number; LANES: number }; groups: number } {
  const constants = gpu.info.software ? SOFTWARE : WORKGROUP;
  return { constants, groups: Math.ceil((rows * constants.LANES) / constants.GROUP) };
}
