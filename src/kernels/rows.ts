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

/**
 * The same for kernels that load what all rows share, such as weights, once for EACH rows. Software drivers take as long for such a load as for one
 * of the rows' own; elsewhere caches make it cheap, and rows are better spread.
 */
export function sharingLanes(gpu: Gpu, rows: number) {
  const EACH = gpu.info.software ? 4 : 1;
  const { constants, groups } = rowLanes(gpu, Math.ceil(rows / EACH));
  return { constants: { ...constants, EACH }, groups };
}
