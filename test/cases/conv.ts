import {
  type Conv2dSize,
  type ConvVariant,
  conv2d,
  conv2dInputGrad,
  conv2dWeightGrad,
} from "../../src/kernels/conv.js";
import { convExtents } from "../../src/kernels/conv-size.js";
import type { WeightAs } from "../../src/kernels/weight-as.js";
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

/** The weight that takes part. */
const counted = ({ weight, mask }: Readonly<Record<string, Numbers>>, weightAs: WeightAs | undefined) => {
  const value = { square: (w: number) => w ** 2, one: () => 1, itself: (w: number) => w }[weightAs ?? "itself"];
  return kept(Float64Array.from(weight, value), mask);
};

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

interface Use {
  readonly variant?: ConvVariant;
  readonly masked?: boolean;
  /** With "square", gradients by the weight are path scores. */
  readonly weightAs?: WeightAs;
}

function makeCases(size: Conv2dSize, { variant, masked, weightAs }: Use, benchOnly?: boolean): KernelCase[] {
  const extents = convExtents("case", size);
  const { batch, channels, height, width, outputs, kernel, stride, padding, groups, out, lengths } = extents;
  const geometry = `${batch}x${channels}x${height}x${width} to ${outputs}, kernel ${kernel.join("x")}, stride ${stride}, padding ${padding}`;
  const words = [masked ? "masked" : [], weightAs ?? []].flat().join(" ");
  const shape = `${geometry}, groups ${groups}${words && `, ${words}`}, ${variant ?? "chosen"} kernel`;
  const perOutput = (channels / groups) * kernel[0] * kernel[1];
  const common = {
    flops: 2 * lengths.y * perOutput,
    bytes: 4 * (lengths.x + lengths.y + lengths.weight),
    benchOnly,
  };
  // Weights of ones are not read, and without a mask channels and windows are added up one after the other, once for all results.
  const readWeights = weightAs === "one" ? 0 : lengths.weight;
  const onImages = { ...common, bytes: 4 * (lengths.x + lengths.y + readWeights) };
  const sums = (images: number, channelSums: number) =>
    weightAs === "one" && !masked ? channelSums + (images * kernel[0] * kernel[1]) / stride ** 2 : common.flops;
  const mask = (): Arrays => (masked ? { mask: maskWords(lengths.weight, 3) } : {});
  const x = () => normals(lengths.x, 1);
  const weight = () => {
    const values = normals(lengths.weight, 2, perOutput ** (weightAs === "square" ? -1 / 4 : -1 / 2));
    return weightAs === "one" ? values.fill(Number.NaN) : values;
  };
  const dy = () => normals(lengths.y, 4);
  const bias = (): Arrays => (masked || weightAs ? { bias: normals(outputs, 5) } : {});
  const pixels = out.height * out.width;
  const byImages: KernelCase[] = [
    {
      ...onImages,
      name: `conv2d ${shape}`,
      inputs: () => ({ x: x(), weight: weight(), ...mask(), ...bias() }),
      outputs: { y: { length: lengths.y } },
      run: (gpu, buffers) => conv2d(gpu, buffers as never, size, { variant, weightAs }),
      oracle: (arrays: Arrays) => ({ y: forward(arrays.x, counted(arrays, weightAs), size, arrays.bias) }),
      tolerance: sumOf(perOutput),
      flops: sums(batch * groups * height * width, lengths.x),
    },
    {
      ...onImages,
      name: `conv2dInputGrad ${shape}`,
      inputs: () => ({ dy: dy(), weight: weight(), ...mask() }),
      outputs: { dx: { length: lengths.x } },
      run: (gpu, buffers) => conv2dInputGrad(gpu, buffers as never, size, { variant, weightAs }),
      oracle: (arrays: Arrays) => ({ dx: backwardX(arrays.dy, counted(arrays, weightAs), size) }),
      tolerance: sumOf((outputs / groups) * kernel[0] * kernel[1]),
      flops: sums(batch * groups * height * width, lengths.y),
    },
  ];
  if (weightAs === "one") return byImages;
  const scored = (): Arrays => (weightAs ? { scored: normals(lengths.weight, 6) } : {});
  return [
    ...byImages,
    {
      ...common,
      name: `conv2dWeightGrad ${shape}`,
      inputs: () => ({ x: x(), dy: dy(), ...mask(), ...scored() }),
      outputs: { dWeight: { length: lengths.weight } },
      run: (gpu, buffers) => conv2dWeightGrad(gpu, buffers as never, size, { variant }),
      oracle: (arrays: Arrays) => {
        const gradient = backwardWeight(arrays.x, arrays.dy, size);
        const score = (g: number, i: number) => (weightAs ? arrays.scored[i] ** 2 * Math.abs(g) : g);
        return { dWeight: kept(gradient.map(score), arrays.mask) };
      },
      // A score is a square of up to 16 times the sum.
      tolerance: sumOf(batch * pixels, weightAs ? 16 : 1),
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

/** Without a variant the device chooses: the lane kernel on the software drivers, where groups have channels enough. */
const uses: Use[] = [
  {},
  { masked: true },
  { variant: "tile", masked: true },
  { variant: "direct", masked: true },
  { weightAs: "one" },
];

/** What weights count as is said in one place for all shapes: seen on few. */
const rarerUses: Use[] = [
  { weightAs: "square", masked: true },
  { weightAs: "one", masked: true },
  { variant: "tile", weightAs: "square", masked: true },
  { variant: "tile", weightAs: "one", masked: true },
  { variant: "direct", weightAs: "square", masked: true },
  { variant: "direct", weightAs: "one" },
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

const benchUses: Use[] = [
  { masked: true },
  { weightAs: "square", masked: true },
  { weightAs: "one", masked: true },
  { weightAs: "one" },
];

/** More groups of channels than one dimension holds workgroups. */
const manyGroups: Conv2dSize = {
  ...{ batch: 1, channels: 3 * 21_847, height: 1, width: 1, outputs: 3 * 21_847, kernel: square(1), groups: 65_541 },
};

export const cases: KernelCase[] = [
  ...sizes.flatMap((size) => uses.flatMap((use) => makeCases(size, use))),
  ...[sizes[2], sizes[3], sizes[5]].flatMap((size) => rarerUses.flatMap((use) => makeCases(size, use))),
  ...makeCases(manyGroups, { variant: "direct", masked: true }),
  ...makeCases(manyGroups, { weightAs: "one" }),
  ...benchSizes.flatMap((size) => makeCases(size, {}, true)),
  ...[benchSizes[0], benchSizes[4]].flatMap((size) => benchUses.flatMap((use) => makeCases(size, use, true))),
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
  {
    // By the chain rule; the gradient by the squares is what path scores are made of.
    name: "by a weight that counts as its square",
    f: (v) => dot(forward(x, counted({ weight: v }, "square"), size), dy),
    at: weight,
    gradient: () => backwardWeight(x, dy, size).map((g, i) => 2 * weight[i] * g),
  },
];
