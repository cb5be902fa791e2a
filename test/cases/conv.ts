import {
  type Conv2dSize,
  type ConvVariant,
  conv2d,
  conv2dInputGrad,
  conv2dWeightGrad,
} from "../../src/kernels/conv.js";
import { convExtents } from "../../src/kernels/conv-size.js";
import { sumOf } from "../harness/close.js";
import { dot, type GradientCase } from "../harness/gradient-case.js";
import type { Arrays, KernelCase } from "../harness/kernel-case.js";
import { bit, maskWords, normals } from "../harness/random.js";

type Numbers = ArrayLike<number>;

/** Visits every product of a convolution: flat places in x, in the weight and in y. */
function products(size: Conv2dSize, visit: (x: number, weight: number, y: number) => void) {
  const { batch, channels, height, width, outputs, kernel, stride, padding, groups, out } = convExtents("oracle", size);
  const [inputs, filters] = [channels / groups, outputs / groups];
  for (let n = 0; n < batch; n++)
    for (let o = 0; o < outputs; o++)
      for (let oy = 0; oy < out.height; oy++)
        for (let ox = 0; ox < out.width; ox++)
          for (let c = 0; c < inputs; c++)
            for (let ky = 0; ky < kernel[0]; ky++)
              for (let kx = 0; kx < kernel[1]; kx++) {
                const iy = oy * stride + ky - padding;
                const ix = ox * stride + kx - padding;
                if (iy < 0 || iy >= height || ix < 0 || ix >= width) continue;
                const channel = Math.floor(o / filters) * inputs + c;
                visit(
                  ((n * channels + channel) * height + iy) * width + ix,
                  ((o * inputs + c) * kernel[0] + ky) * kernel[1] + kx,
                  ((n * outputs + o) * out.height + oy) * out.width + ox,
                );
              }
}

/** Values where the mask has ones, or all of them. */
const kept = (values: Numbers, mask: Numbers | undefined) =>
  Float64Array.from(values, (value, i) => (mask ? value * bit(mask as Uint32Array, i) : value));

function forward(x: Numbers, weight: Numbers, size: Conv2dSize, bias?: Numbers): Float64Array {
  const { lengths, outputs, batch } = convExtents("oracle", size);
  const pixels = lengths.y / (batch * outputs);
  const y = Float64Array.from({ length: lengths.y }, (_, i) => bias?.[Math.floor(i / pixels) % outputs] ?? 0);
  products(size, (inX, inWeight, inY) => {
    y[inY] += x[inX] * weight[inWeight];
  });
  return y;
}

function backwardX(dy: Numbers, weight: Numbers, size: Conv2dSize): Float64Array {
  const dx = new Float64Array(convExtents("oracle", size).lengths.x);
  products(size, (inX, inWeight, inY) => {
    dx[inX] += dy[inY] * weight[inWeight];
  });
  return dx;
}

function backwardWeight(x: Numbers, dy: Numbers, size: Conv2dSize): Float64Array {
  const dWeight = new Float64Array(convExtents("oracle", size).lengths.weight);
  products(size, (inX, inWeight, inY) => {
    dWeight[inWeight] += x[inX] * dy[inY];
  });
  return dWeight;
}

function makeCases(
  size: Conv2dSize,
  variant: ConvVariant | undefined,
  masked: boolean,
  benchOnly?: boolean,
): KernelCase[] {
  const extents = convExtents("case", size);
  const { batch, channels, height, width, outputs, kernel, stride, padding, groups, out, lengths } = extents;
  const geometry = `${batch}x${channels}x${height}x${width} to ${outputs}, kernel ${kernel.join("x")}, stride ${stride}, padding ${padding}`;
  const shape = `${geometry}, groups ${groups}${masked ? ", masked" : ""}, ${variant ?? "chosen"} kernel`;
  const perOutput = (channels / groups) * kernel[0] * kernel[1];
  const common = {
    flops: 2 * lengths.y * perOutput,
    bytes: 4 * (lengths.x + lengths.y + lengths.weight),
    benchOnly,
  };
  const mask = (): Arrays => (masked ? { mask: maskWords(lengths.weight, 3) } : {});
  const x = () => normals(lengths.x, 1);
  const weight = () => normals(lengths.weight, 2, 1 / Math.sqrt(perOutput));
  const dy = () => normals(lengths.y, 4);
  const bias = (): Arrays => (masked ? { bias: normals(outputs, 5) } : {});
  return [
    {
      ...common,
      name: `conv2d ${shape}`,
      inputs: () => ({ x: x(), weight: weight(), ...mask(), ...bias() }),
      outputs: { y: { length: lengths.y } },
      run: (gpu, buffers) => conv2d(gpu, buffers as never, size, { variant }),
      oracle: (arrays: Arrays) => ({ y: forward(arrays.x, kept(arrays.weight, arrays.mask), size, arrays.bias) }),
      tolerance: sumOf(perOutput),
    },
    {
      ...common,
      name: `conv2dInputGrad ${shape}`,
      inputs: () => ({ dy: dy(), weight: weight(), ...mask() }),
      outputs: { dx: { length: lengths.x } },
      run: (gpu, buffers) => conv2dInputGrad(gpu, buffers as never, size, { variant }),
      oracle: (arrays: Arrays) => ({ dx: backwardX(arrays.dy, kept(arrays.weight, arrays.mask), size) }),
      tolerance: sumOf((outputs / groups) * kernel[0] * kernel[1]),
    },
    {
      ...common,
      name: `conv2dWeightGrad ${shape}`,
      inputs: () => ({ x: x(), dy: dy(), ...mask() }),
      outputs: { dWeight: { length: lengths.weight } },
      run: (gpu, buffers) => conv2dWeightGrad(gpu, buffers as never, size, { variant }),
      oracle: (arrays: Arrays) => ({ dWeight: kept(backwardWeight(arrays.x, arrays.dy, size), arrays.mask) }),
      tolerance: sumOf(batch * out.height * out.width),
    },
  ];
}

const square = (side: number): [number, number] => [side, side];

const sizes: Conv2dSize[] = [
  { batch: 1, channels: 1, height: 1, width: 1, outputs: 1, kernel: square(1) },
  { batch: 2, channels: 3, height: 7, width: 5, outputs: 5, kernel: square(3), padding: 1 },
  { batch: 2, channels: 5, height: 11, width: 13, outputs: 7, kernel: [3, 2], stride: 2, padding: 1 },
  { batch: 3, channels: 4, height: 8, width: 8, outputs: 37, kernel: square(1), stride: 2 }, // residues without a tap
  { batch: 1, channels: 3, height: 17, width: 16, outputs: 9, kernel: square(7), stride: 3, padding: 3 },
  { batch: 2, channels: 12, height: 6, width: 8, outputs: 6, kernel: square(3), padding: 1, groups: 2 },
  { batch: 2, channels: 6, height: 9, width: 8, outputs: 6, kernel: square(3), stride: 2, padding: 1, groups: 6 },
  { batch: 1, channels: 2, height: 3, width: 3, outputs: 3, kernel: square(2), stride: 5, padding: 2 }, // pixels that no window reaches
  { batch: 2, channels: 36, height: 12, width: 12, outputs: 67, kernel: square(3), padding: 1 },
];

/** `undefined` lets the device choose: the lane kernel on the software drivers, where groups have channels enough. */
const variants: [variant: ConvVariant | undefined, masked: boolean][] = [
  [undefined, false],
  [undefined, true],
  ["tile", true],
  ["direct", true],
];

const benchSizes: Conv2dSize[] = [
  { batch: 16, channels: 16, height: 32, width: 32, outputs: 16, kernel: square(3), padding: 1 },
  { batch: 16, channels: 16, height: 32, width: 32, outputs: 32, kernel: square(3), stride: 2, padding: 1 },
  { batch: 16, channels: 32, height: 16, width: 16, outputs: 32, kernel: square(3), padding: 1 },
  { batch: 16, channels: 64, height: 8, width: 8, outputs: 64, kernel: square(3), padding: 1 },
  { batch: 4, channels: 64, height: 56, width: 56, outputs: 64, kernel: square(3), padding: 1 },
  { batch: 4, channels: 64, height: 56, width: 56, outputs: 256, kernel: square(1) },
  { batch: 4, channels: 64, height: 56, width: 56, outputs: 64, kernel: square(3), padding: 1, groups: 64 },
];

export const cases: KernelCase[] = [
  ...sizes.flatMap((size) => variants.flatMap(([variant, masked]) => makeCases(size, variant, masked))),
  // More groups of channels, and so of workgroups, than one dimension holds.
  ...makeCases(
    { batch: 1, channels: 3 * 21_847, height: 1, width: 1, outputs: 3 * 21_847, kernel: square(1), groups: 65_541 },
    "direct",
    true,
  ),
  ...benchSizes.flatMap((size) => makeCases(size, undefined, false, true)),
  ...makeCases(benchSizes[4], undefined, true, true),
];

const size: Conv2dSize = {
  ...{ batch: 2, channels: 4, height: 5, width: 4, outputs: 6 },
  ...{ kernel: [3, 2], stride: 2, padding: 1, groups: 2 },
};
const { lengths } = convExtents("gradients", size);
const x = normals(lengths.x, 6);
const weight = normals(lengths.weight, 7);
const dy = normals(lengths.y, 8);
export const gradients: GradientCase[] = [
  { name: "by x", f: (v) => dot(forward(v, weight, size), dy), at: x, gradient: () => backwardX(dy, weight, size) },
  {
    name: "by weight",
    f: (v) => dot(forward(x, v, size), dy),
    at: weight,
    gradient: () => backwardWeight(x, dy, size),
  },
];
