import {
  type BudgetLayer,
  type ParameterBudget,
  parameterBudget,
  parameterBudgetGrad,
} from "../../src/kernels/parameter-budget.js";
import { elementwise, sumOf } from "../harness/close.js";
import type { GradientCase } from "../harness/gradient-case.js";
import type { KernelCase } from "../harness/kernel-case.js";
import { normals } from "../harness/random.js";

type Numbers = ArrayLike<number>;

const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));

const ratioOf = (r: number | undefined, thresholds: Numbers, least: Numbers): number =>
  r === undefined ? 1 : Math.max(sigmoid(thresholds[r]), least[r]);

function keptOf(thresholds: Numbers, { layers, least }: ParameterBudget): number {
  const ratio = (r: number | undefined) => ratioOf(r, thresholds, least);
  return layers.reduce((sum, { share, rows, columns }) => sum + share * ratio(rows) * ratio(columns), 0);
}

const excessOf = (kept: number, { target }: ParameterBudget) => Math.max(kept - target, 0);

function penaltyOf(thresholds: Numbers, lambdas: Numbers, budget: ParameterBudget): number {
  const excess = excessOf(keptOf(thresholds, budget), budget);
  return lambdas[0] * excess + lambdas[1] * excess ** 2;
}

/** By the product rule over each layer; `kept` as the kernel gets it. */
function gradientsOf(thresholds: Numbers, lambdas: Numbers, kept: number, upstream: number, budget: ParameterBudget) {
  const { layers, least } = budget;
  const excess = excessOf(kept, budget);
  const outer = excess > 0 ? upstream * (lambdas[0] + 2 * lambdas[1] * excess) : 0;
  const dThresholds = least.map((lowest, r) => {
    const p = sigmoid(thresholds[r]);
    if (p < lowest) return 0;
    let slope = 0;
    for (const { share, rows, columns } of layers) {
      if (rows === r) slope += share * ratioOf(columns, thresholds, least);
      if (columns === r) slope += share * ratioOf(rows, thresholds, least);
    }
    return outer * slope * p * (1 - p);
  });
  return { dThresholds, dLambdas: [upstream * excess, upstream * excess ** 2] };
}

/** The four layers of each block: qkv by heads, proj by its rows and the heads, fc1 by neurons, fc2 by its rows and the neurons. */
function blocks(depth: number, target: number): ParameterBudget {
  const layers: BudgetLayer[] = Array.from({ length: depth }, (_, block) => {
    const [heads, proj, neurons, fc2] = [0, 1, 2, 3].map((i) => 4 * block + i);
    return [
      { share: 3, rows: heads },
      { share: 1, rows: proj, columns: heads },
      { share: 4, rows: neurons },
      { share: 4, rows: fc2, columns: neurons },
    ].map(({ share, ...layer }) => ({ share: share / (12 * depth), ...layer }));
  }).flat();
  return { layers, least: Array.from({ length: depth }, () => [1 / 3, 1 / 192, 1 / 768, 1 / 192]).flat(), target };
}

const budgets: [name: string, budget: ParameterBudget][] = [
  ["of one layer", { layers: [{ share: 1, rows: 0 }], least: [0.25], target: 0.1 }],
  ["of a block", blocks(1, 0.3)],
  ["of 12 blocks", blocks(12, 0.2)],
  ["of 17 blocks", blocks(17, 0.3)],
  ["that holds", blocks(3, 0.99)],
  ["of 130 blocks", blocks(130, 0.3)],
];

const inputsOf = ({ least }: ParameterBudget) => ({
  thresholds: normals(least.length, 1, 2),
  lambdas: Float32Array.of(0.7, 1.3),
});

const forwardCases: KernelCase[] = budgets.map(([name, budget]) => ({
  name: `parameterBudget ${name}`,
  inputs: () => inputsOf(budget),
  outputs: { kept: { length: 1 }, penalty: { length: 1 } },
  run: (gpu, { thresholds, lambdas, kept, penalty }) =>
    parameterBudget(gpu, { thresholds, lambdas, kept, penalty }, budget),
  oracle: ({ thresholds, lambdas }) => ({
    kept: [keptOf(thresholds, budget)],
    penalty: [penaltyOf(thresholds, lambdas, budget)],
  }),
  tolerance: sumOf(budget.layers.length),
  flops: 3 * budget.layers.length,
  bytes: 12 * budget.layers.length,
}));

const gradCases: KernelCase[] = budgets.map(([name, budget]) => ({
  name: `parameterBudgetGrad ${name}`,
  inputs: () => {
    const inputs = inputsOf(budget);
    return { ...inputs, kept: Float32Array.of(keptOf(inputs.thresholds, budget)), dPenalty: Float32Array.of(0.5) };
  },
  outputs: { dThresholds: { length: budget.least.length }, dLambdas: { length: 2 } },
  run: (gpu, { thresholds, lambdas, kept, dPenalty, dThresholds, dLambdas }) =>
    parameterBudgetGrad(gpu, { thresholds, lambdas, kept, dPenalty, dThresholds, dLambdas }, budget),
  oracle: ({ thresholds, lambdas, kept, dPenalty }) => gradientsOf(thresholds, lambdas, kept[0], dPenalty[0], budget),
  tolerance: elementwise,
  flops: 2 * budget.layers.length * budget.least.length,
  bytes: 12 * budget.layers.length,
}));

export const cases = [...forwardCases, ...gradCases];

const shared: ParameterBudget = {
  layers: [
    { share: 0.3, rows: 0 },
    { share: 0.3, rows: 1, columns: 0 },
    { share: 0.4, rows: 2, columns: 1 },
  ],
  least: [0.5, 0.01, 0.01],
  target: 0.2,
};
const at = [-1.5, 0.4, 1.2]; // the first keeps the least
const lambdas = [0.7, 1.3];

export const gradients: GradientCase[] = [
  {
    name: "parameterBudget by thresholds",
    f: (thresholds) => penaltyOf(thresholds, lambdas, shared),
    at,
    gradient: () => gradientsOf(at, lambdas, keptOf(at, shared), 1, shared).dThresholds,
  },
  {
    name: "parameterBudget by lambdas",
    f: (factors) => penaltyOf(at, factors, shared),
    at: lambdas,
    gradient: () => gradientsOf(at, lambdas, keptOf(at, shared), 1, shared).dLambdas,
  },
];
