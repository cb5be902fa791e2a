/** Where a subgroup holds whole rows, as shaders/shared/held_row.wgsl describes it. */
import type { Gpu } from "../gpu/index.js";
import { constantNumber } from "../gpu/shader.js";
import { loadWidth } from "./elements.js";
import { runsLanes } from "./lanes.js";
import * as shaders from "./shaders.gen.js";

const LANES = constantNumber(shaders.layer_norm_short, "LANES");

/** Columns of such rows: with fewer too many lanes are idle, and kernels for more take lavapipe a second to compile. */
const COLUMNS = { from: 48, to: 384 } as const;

/**
 * Constants of the kernels that hold rows, or undefined where others are faster: with subgroups of 4, those of SwiftShader, twice as fast.
 * @param turn - vec4 of a row that a lane takes in one turn, at most
 */
export function heldRows(gpu: Gpu, columns: number, turn: number) {
  const holds = gpu.info.software && runsLanes(gpu) && gpu.info.subgroupSize === LANES;
  if (!holds || loadWidth(columns) === 1 || columns < COLUMNS.from || columns > COLUMNS.to) return undefined;
  const held = Math.ceil(columns / (4 * LANES));
  const PARTS = Math.ceil(held / turn);
  return { COLUMNS: columns / 4, PART: Math.ceil(held / PARTS), PARTS };
}
