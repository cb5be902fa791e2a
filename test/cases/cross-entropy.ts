import { crossEntropy, crossEntropyGrad } from "../../src/kernels/cross-entropy.js";
import { sumOf } from "../harness/close.js";
import { dot, type GradientCase } from "../harness/gradient-case.js";
import type { KernelCase } from "../harness/kernel-case.js";
import { normals, uniforms } from "../harness/random.js";

type Numbers = ArrayLike<number>;

function forward(logits: Numbers, labels: Numbers, smoothing: number): Float64Array {
  const classes = logits.length / labels.length;
  return Float64Array.from({ length: labels.length }, (_, r) => {
    const row = Array.from({ length: classes }, (_, c) => logits[r * classes + c]);
    const highest = Math.max(...row);
    const logTotal = highest + Math.log(row.reduce((sum, logit) => sum + Math.exp(logit - highest), 0));
    const mean = row.reduce((sum, logit) => sum + logTotal - logit, 0) / classes;
    return (1 - smoothing) * (logTotal - row[labels[r]]) + smoothing * mean;
  });
}

function backward(logits: Numbers, labels: Numbers, dLoss: Numbers, smoothing: number): Float64Array {
  const classes = logits.length / labels.length;
  const dLogits = new Float64Array(logits.length);
  for (let r = 0; r < labels.length; r++) {
    const exponentials = Array.from({ length: classes }, (_, c) => Math.exp(logits[r * classes + c]));
    const total = exponentials.reduce((sum, value) => sum + value, 0);
    for (let c = 0; c < classes; c++) {
      const target = (c === labels[r] ? 1 - smoothing : 0) + smoothing / classes;
      dLogits[r * classes + c] = dLoss[r] * (exponentials[c] / total - target);
    }
  }
  return dLogits;
}

const shapes: [rows: number, classes: number, smoothing: number, benchOnly?: boolean][] = [
  [1, 1, 0],
  [1, 2, 0],
  [5, 10, 0.1],
  [7, 63, 0],
  [3, 64, 0.1],
  [13, 8, 0.1],
  [9, 65, 0.5],
  [65_537, 3, 0.1],
  [256, 1000, 0.1, true],
];

export const cases: KernelCase[] = shapes.flatMap(([rows, classes, smoothing, benchOnly]): KernelCase[] => {
  const length = rows * classes;
  const operands = () => ({
    logits: normals(length, length, 4),
    labels: Uint32Array.from(uniforms(rows, rows, 0, classes), Math.floor),
  });
  const size = { rows, classes, smoothing };
  return [
    {
      name: `crossEntropy ${rows}x${classes} smoothing ${smoothing}`,
      inputs: operands,
      outputs: { loss: { length: rows } },
      run: (gpu, { logits, labels, loss }) => crossEntropy(gpu, { logits, labels, loss }, size),
      oracle: ({ logits, labels }) => ({ loss: forward(logits, labels, smoothing) }),
      tolerance: sumOf(classes),
      flops: 5 * length,
      bytes: 4 * length,
      benchOnly,
    },
    {
      name: `crossEntropyGrad ${rows}x${classes} smoothing ${smoothing}`,
      inputs: () => ({ ...operands(), dLoss: normals(rows, 1) }),
      outputs: { dLogits: { length } },
      run: (gpu, { logits, labels, dLoss, dLogits }) => crossEntropyGrad(gpu, { logits, labels, dLoss, dLogits }, size),
      oracle: ({ logits, labels, dLoss }) => ({ dLogits: backward(logits, labels, dLoss, smoothing) }),
      tolerance: sumOf(classes),
      flops: 8 * length,
      bytes: 8 * length,
      benchOnly,
    },
  ];
});

const at = normals(15, 2);
const labels = [4, 0, 2];
const dLoss = normals(3, 3);
export const gradients: GradientCase[] = [0, 0.1].map((smoothing) => ({
  name: `crossEntropy smoothing ${smoothing}`,
  f: (logits) => dot(forward(logits, labels, smoothing), dLoss),
  at,
  gradient: () => backward(at, labels, dLoss, smoothing),
}));
