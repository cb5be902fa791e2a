import type { FloatTensor } from "../../io/safetensors.js";
import type { MlpShape } from "../../io/vit-shape.js";
import { type CutBranch, type DenseBranch, keptChannels } from "./branch.js";
import { cutLinear, range, reads, roundedUp, writes } from "./host-matrix.js";

/**
 * What is left of an MLP. A neuron goes where nothing makes it (its row of fc1 and its bias are zero, and the activation of 0 is 0) or nothing reads it.
 * Undefined: the branch adds nothing.
 */
export function compactMlp(branch: DenseBranch<MlpShape>): CutBranch<MlpShape> | undefined {
  const { block, shape, linear, roundTo } = branch;
  const [fc1, fc2] = [linear("mlp.fc1"), linear("mlp.fc2")];
  const live = branch.liveInputs("norm2", shape.inputs);
  const outputs = range(fc2.rows);
  const made = range(shape.hidden).filter((neuron) => writes(fc1, neuron, live) && reads(fc2, neuron, outputs));
  const rows = outputs.filter((row) => writes(fc2, row, made));
  if (rows.length === 0) return undefined;
  // Of a branch with nothing but its bias one neuron stays, which adds nothing.
  const neurons = roundedUp(made, shape.hidden, roundTo, 1);
  const columns = roundedUp(
    live.filter((column) => reads(fc1, column, neurons)),
    fc1.columns,
    roundTo,
    1,
  );
  const kept = roundedUp(rows, fc2.rows, roundTo);
  return {
    shape: {
      hidden: neurons.length,
      ...keptChannels(shape, columns, kept, branch.embedDim),
    },
    weights: new Map<string, FloatTensor>([
      ...cutLinear(`${block}.mlp.fc1`, fc1, neurons, columns),
      ...cutLinear(`${block}.mlp.fc2`, fc2, kept, neurons),
    ]),
  };
}
