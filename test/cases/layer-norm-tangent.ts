import { layerNormGradTangent, layerNormTangent } from "../../src/kernels/layer-norm-tangent.js";
import { sumOf } from "../harness/close.js";
import { directional } from "../harness/directional.js";
import type { KernelCase } from "../harness/kernel-case.js";
import { normals } from "../harness/random.js";
import { backward, forward } from "./layer-norm.js";

const shapes: [rows: number, columns: number, benchOnly?: boolean][] = [
  [1, 5],
  [5, 7],
  [3, 63],
  [65, 64],
  [129, 65],
  [7, 192],
  [65_537, 8],
  [1576, 192, true],
  [1576, 384, true],
];

function operands(rows: number, columns: number) {
  const x = normals(rows * columns, rows + columns);
  const weight = normals(columns, 1);
  const { mean, rstd } = forward(x, weight, weight);
  return {
    x,
    weight,
    mean: Float32Array.from(mean),
    rstd: Float32Array.from(rstd),
    xTangent: normals(rows * columns, 4),
    weightTangent: normals(columns, 5),
  };
}

/** The gradients of x and weight that belong to them, statistics included. */
function gradientAt(x: ArrayLike<number>, weight: ArrayLike<number>, dy: ArrayLike<number>) {
  return backward(x, weight, forward(x, weight, weight), dy);
}

/** Rows of 8 vary little now and then, which costs digits. */
const scale = (columns: number) => (columns <= 8 ? 50 : 4);

const forwardCases: KernelCase[] = shapes.map(([rows, columns, benchOnly]) => ({
  name: `layerNormTangent ${rows}x${columns}`,
  inputs: () => ({ ...operands(rows, columns), biasTangent: normals(columns, 6) }),
  outputs: { yTangent: { length: rows * columns } },
  run: (gpu, { x, weight, mean, rstd, xTangent, weightTangent, biasTangent, yTangent }) =>
    layerNormTangent(gpu, { x, weight, mean, rstd, xTangent, weightTangent, biasTangent, yTangent }, { rows, columns }),
  oracle: ({ x, weight, xTangent, weightTangent, biasTangent }) => ({
    yTangent: directional(
      (x, weight, bias) => forward(x, weight, bias).y,
      [
        [x, xTangent],
        [weight, weightTangent],
        [new Float64Array(columns), biasTangent],
      ],
    ),
  }),
  tolerance: sumOf(columns, scale(columns)),
  flops: 12 * rows * columns,
  bytes: 12 * rows * columns,
  benchOnly,
}));

const gradientCases: KernelCase[] = shapes.flatMap(([rows, columns, benchOnly]) =>
  [false, true].map((moving): KernelCase => {
    return {
      name: `layerNormGradTangent ${rows}x${columns}${moving ? "" : ", fixed weight"}`,
      inputs: () => ({ ...operands(rows, columns), dy: normals(rows * columns, 3) }),
      outputs: { dx: { length: rows * columns }, dWeight: { length: columns } },
      run: (gpu, { x, weight, mean, rstd, dy, xTangent, weightTangent, dx, dWeight }) =>
        layerNormGradTangent(
          gpu,
          { x, weight, mean, rstd, dy, xTangent, weightTangent: moving ? weightTangent : undefined, dx, dWeight },
          { rows, columns },
        ),
      oracle({ x, weight, dy, xTangent, weightTangent }) {
        const along = [
          [x, xTangent],
          [weight, moving ? weightTangent : new Float64Array(columns)],
        ] as const;
        return {
          dx: directional((x, weight) => gradientAt(x, weight, dy).dx, along),
          dWeight: directional((x, weight) => gradientAt(x, weight, dy).dWeight, along),
        };
      },
      tolerance: sumOf(Math.max(rows, columns), scale(columns)),
      flops: 30 * rows * columns,
      bytes: 20 * rows * columns,
      benchOnly,
    };
  }),
);

export const cases = [...forwardCases, ...gradientCases];
