import type { MlpConfig } from "../../io/config.js";
import type { FloatTensor } from "../../io/safetensors.js";
import { type CompactOptions, DEFAULT_ROUNDING, type HostModel } from "./compact-vit.js";
import { cutLinear, hostLinear, range, reads, roundedUp, writes } from "./host-matrix.js";

/** Takes the neurons out of an MLP that nothing makes or nothing reads. At least one stays in each layer. */
export function compactMlpNet(
  config: MlpConfig,
  weights: ReadonlyMap<string, FloatTensor>,
  { roundTo = DEFAULT_ROUNDING }: CompactOptions,
): HostModel<MlpConfig> {
  const layers = range(config.hidden.length + 1).map((index) => hostLinear(weights, `lin.${index}`));
  const hidden: number[] = [];
  const left: [string, FloatTensor][] = [];
  let columns = range(config.inputs);
  for (const [index, layer] of layers.entries()) {
    const next = layers[index + 1];
    const isLive = (row: number) => !next || (writes(layer, row, columns) && reads(next, row, range(next.rows)));
    const live = range(layer.rows).filter(isLive);
    const rows = next ? roundedUp(live, layer.rows, roundTo, 1) : live;
    left.push(...cutLinear(`lin.${index}`, layer, rows, columns));
    if (next) hidden.push(rows.length);
    columns = rows;
  }
  return { config: { ...config, hidden }, weights: new Map(left) };
}
