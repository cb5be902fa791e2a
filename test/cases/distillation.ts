import { argmax } from "../../src/kernels/argmax.js";
import { klDivergence, klDivergenceGrad } from "../../src/kernels/kl-divergence.js";
import { EXACT, sumOf } from "../harness/close.js";
import { dot, type GradientCase } from "../harness/gradient-case.js";
import type { KernelCase } from "../harness/kernel-case.js";
import { normals } from "../harness/random.js";

type Numbers = ArrayLike<number>;

/** Log-probabilities of softmax(x / temperature) by row. */
function logSoftmax(x: Numbers, rows: number, temperature: number): Float64Array {
  const classes = x.length / rows;
  const result = new Float64Array(x.length);
  for (let r = 0; r < rows; r++) {
    const row = Array.from({ length: classes }, (_, c) => x[r * classes + c] / temperature);
    const highest = Math.max(...row);
    const logTotal = highest + Math.log(row.reduce((sum, value) => sum + Math.exp(value - highest), 0));
    row.forEach((value, c) => {
      result[r * classes + c] = value - logTotal;
    });
  }
  return result;
}

function divergence(logits: Numbers, teacher: Numbers, rows: number, temperature: number): Float64Array {
  const classes = logits.length / rows;
  const [p, q] = [logSoftmax(teacher, rows, temperature), logSoftmax(logits, rows, temperature)];
  const loss = new Float64Array(rows);
  p.forEach((logP, i) => {
    loss[Math.floor(i / classes)] += temperature ** 2 * Math.exp(logP) * (logP - q[i]);
  });
  return loss;
}

function divergenceBackward(logits: Numbers, teacher: Numbers, dLoss: Numbers, temperature: number): Float64Array {
  const rows = dLoss.length;
  const classes = logits.length / rows;
  const [p, q] = [logSoftmax(teacher, rows, temperature), logSoftmax(logits, rows, temperature)];
  return p.map((logP, i) => dLoss[Math.floor(i / classes)] * temperature * (Math.exp(q[i]) - Math.exp(logP)));
}

const shapes: [rows: number, classes: number, temperature: number, benchOnly?: boolean][] = [
  [1, 1, 1],
  [1, 2, 3],
  [5, 10, 3],
  [7, 63, 1],
  [3, 64, 2],
  [9, 65, 0.5],
  [65_537, 3, 3],
  [256, 1000, 3, true],
];

const divergenceCases = shapes.flatMap(([rows, classes, temperature, benchOnly]): KernelCase[] => {
  const length = rows * classes;
  const size = { rows, classes, temperature };
  const shape = `${rows}x${classes} T ${temperature}`;
  const operands = () => ({ logits: normals(length, length, 4), teacher: normals(length, length + 1, 4) });
  return [
    {
      name: `klDivergence ${shape}`,
      inputs: operands,
      outputs: { loss: { length: rows } },
      run: (gpu, { logits, teacher, loss }) => klDivergence(gpu, { logits, teacher, loss }, size),
      oracle: ({ logits, teacher }) => ({ loss: divergence(logits, teacher, rows, temperature) }),
      tolerance: sumOf(classes, 4 * temperature),
      flops: 16 * length,
      bytes: 8 * length,
      benchOnly,
    },
    {
      name: `klDivergenceGrad ${shape}`,
      inputs: () => ({ ...operands(), dLoss: normals(rows, 1) }),
      outputs: { dLogits: { length } },
      run: (gpu, { logits, teacher, dLoss, dLogits }) =>
        klDivergenceGrad(gpu, { logits, teacher, dLoss, dLogits }, size),
      oracle: ({ logits, teacher, dLoss }) => ({ dLogits: divergenceBackward(logits, teacher, dLoss, temperature) }),
      tolerance: sumOf(classes, temperature),
      flops: 16 * length,
      bytes: 12 * length,
      benchOnly,
    },
  ];
});

/** Logits so far apart that probabilities round to zero: their logarithms are still finite. */
const farApart: KernelCase = {
  name: "klDivergence of logits that are far apart",
  inputs: () => ({ logits: Float32Array.of(0, 500, -300, 80, 0, 0), teacher: Float32Array.of(400, 0, 0, 0, 0, 90) }),
  outputs: { loss: { length: 2 } },
  run: (gpu, { logits, teacher, loss }) =>
    klDivergence(gpu, { logits, teacher, loss }, { rows: 2, classes: 3, temperature: 1 }),
  oracle: ({ logits, teacher }) => ({ loss: divergence(logits, teacher, 2, 1) }),
  tolerance: sumOf(3),
};

const largest = (x: Numbers, rows: number): Uint32Array => {
  const columns = x.length / rows;
  return Uint32Array.from({ length: rows }, (_, r) => {
    let best = 0;
    for (let c = 1; c < columns; c++) if (x[r * columns + c] > x[r * columns + best]) best = c;
    return best;
  });
};

const argmaxCases = shapes.map(
  ([rows, columns, , benchOnly]): KernelCase => ({
    name: `argmax ${rows}x${columns}`,
    // Few different values, so that many rows have ties.
    inputs: () => ({ x: normals(rows * columns, rows).map((value) => Math.round(2 * value)) }),
    outputs: { y: { length: rows, type: "u32" } },
    run: (gpu, { x, y }) => argmax(gpu, { x, y }, { rows, columns }),
    oracle: ({ x }) => ({ y: largest(x, rows) }),
    tolerance: EXACT,
    bytes: 4 * rows * columns,
    benchOnly,
  }),
);

export const cases: KernelCase[] = [...divergenceCases, farApart, ...argmaxCases];

const [at, teacher, dLoss] = [normals(15, 2), normals(15, 3), normals(3, 4)];
export const gradients: GradientCase[] = [1, 3].map((temperature) => ({
  name: `klDivergence T ${temperature}`,
  f: (logits) => dot(divergence(logits, teacher, 3, temperature), dLoss),
  at,
  gradient: () => divergenceBackward(at, teacher, dLoss, temperature),
}));
