/** Where the kernels called `lane` run: one subgroup a workgroup, whose lanes hand operands around. */
import type { Gpu } from "../gpu/index.js";

/** Invocations a subgroup that these kernels are made for, those of software drivers. */
const LANE_COUNTS: readonly (number | undefined)[] = [4, 8];

/** What refusals say was expected. */
export const LANES_EXPECTED = `subgroups of ${LANE_COUNTS.join(" or ")}`;

/** Whether the device's subgroups have one of these sizes. */
export const runsLanes = ({ features, info }: Gpu): boolean =>
  features.has("subgroups") && LANE_COUNTS.includes(info.subgroupSize);
