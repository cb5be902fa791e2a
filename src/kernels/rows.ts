/** How many invocations share a row in the kernels that import shaders/shared/row_lanes.wgsl. */
import type { Gpu } from "../gpu/index.js";

/** Invocations of a workgroup. */
const GROUP = 64;

/** Software drivers run lanes one after the other and pay for each barrier: a row each, and small workgroups to spread over the cores. */
const SOFTWARE = { GROUP: 8, LANES: 1 } as const;

/** Constants and grid for `rows` rows. Where they have but few `values`, fewer invocations share a row. */
export function rowLanes(
  gpu: Gpu,
  rows: number,
  values = GROUP,
): { constants: { GROUP: number; LANES: number }; groups: number } {
  const LANES = values >= GROUP ? GROUP : values >= 8 ? 8 : 1;
  const constants = gpu.info.software ? SOFTWARE : { GROUP, LANES };
  return { constants, groups: Math.ceil((rows * constants.LANES) / constants.GROUP) };
}
