import {
  averagePool,
  averagePoolGrad,
  maxPool,
  maxPoolGrad,
  maxPoolTangent,
  type PoolSize,
  poolOut,
} from "../../src/kernels/pool.js";
import { EXACT, sumOf } from "../harness/close.js";
import { dot, type GradientCase } from "../harness/gradient-case.js";
import type { KernelCase } from "../harness/kernel-case.js";
import { normals } from "../harness/random.js";

type Numbers = ArrayLike<number>;

/** Visits every pixel of every window: its place in x, in its plane, and the place of the window. */
function pixels(size: PoolSize, visit: (x: number, inPlane: number, window: number) => void) {
  const { planes, height, width, window, stride = 1, padding = 0 } = size;
  const out = poolOut("oracle", size);
  for (let plane = 0; plane < planes; plane++)
    for (let oy = 0; oy < out.height; oy++)
      for (let ox = 0; ox < out.width; ox++)
        for (let wy = 0; wy < window[0]; wy++)
          for (let wx = 0; wx < window[1]; wx++) {
            const iy = oy * stride + wy - padding;
            const ix = ox * stride + wx - padding;
            if (iy < 0 || iy >= height || ix < 0 || ix >= width) continue;
            const inPlane = iy * width + ix;
            visit(plane * height * width + inPlane, inPlane, (plane * out.height + oy) * out.width + ox);
          }
}

const windowsOf = (size: PoolSize) => {
  const out = poolOut("oracle", size);
  return size.planes * out.height * out.width;
};

function largest(x: Numbers, size: PoolSize) {
  const y = new Float64Array(windowsOf(size)).fill(Number.NEGATIVE_INFINITY);
  const at = new Uint32Array(y.length);
  pixels(size, (inX, inPlane, window) => {
    if (x[inX] <= y[window]) return;
    y[window] = x[inX];
    at[window] = inPlane;
  });
  return { y, at };
}

function largestGrad(at: Numbers, dy: Numbers, size: PoolSize) {
  const dx = new Float64Array(size.planes * size.height * size.width);
  pixels(size, (inX, inPlane, window) => {
    if (at[window] === inPlane) dx[inX] += dy[window];
  });
  return { dx };
}

/** The adjoint of `largestGrad`. */
function largestTangent(at: Numbers, xTangent: Numbers, size: PoolSize) {
  const yTangent = new Float64Array(at.length);
  pixels(size, (inX, inPlane, window) => {
    if (at[window] === inPlane) yTangent[window] = xTangent[inX];
  });
  return { yTangent };
}

function average(x: Numbers, size: PoolSize) {
  const y = new Float64Array(windowsOf(size));
  pixels(size, (inX, _, window) => {
    y[window] += x[inX] / (size.window[0] * size.window[1]);
  });
  return { y };
}

function averageGrad(dy: Numbers, size: PoolSize) {
  const dx = new Float64Array(size.planes * size.height * size.width);
  pixels(size, (inX, _, window) => {
    dx[inX] += dy[window] / (size.window[0] * size.window[1]);
  });
  return { dx };
}

const sizes: (PoolSize & { benchOnly?: boolean })[] = [
  { planes: 1, height: 1, width: 1, window: [1, 1] },
  { planes: 6, height: 8, width: 8, window: [2, 2], stride: 2 },
  { planes: 3, height: 11, width: 13, window: [3, 3], stride: 2, padding: 1 },
  { planes: 2, height: 7, width: 9, window: [3, 2], padding: 1 },
  { planes: 2, height: 5, width: 7, window: [2, 2], stride: 3 }, // pixels in no window
  { planes: 5, height: 7, width: 6, window: [7, 6] }, // the whole plane
  { planes: 4 * 512 + 1, height: 16, width: 8, window: [1, 1] },
  { planes: 4 * 64, height: 112, width: 112, window: [3, 3], stride: 2, padding: 1, benchOnly: true },
];

/** Few different values, so that windows hold equal ones. */
const coarse = (length: number) => normals(length, length, 2).map(Math.round);

export const cases: KernelCase[] = sizes.flatMap(({ benchOnly, ...size }): KernelCase[] => {
  const { planes, height, width, window, stride = 1, padding = 0 } = size;
  const length = planes * height * width;
  const windows = windowsOf(size);
  const shape = `${planes}x${height}x${width}, window ${window.join("x")}, stride ${stride}, padding ${padding}`;
  const flops = windows * window[0] * window[1];
  const common = { flops, benchOnly };
  const bytes = 4 * (length + windows);
  const sums = sumOf(window[0] * window[1]);
  return [
    {
      ...common,
      name: `maxPool ${shape}`,
      inputs: () => ({ x: coarse(length) }),
      outputs: { y: { length: windows }, at: { length: windows, type: "u32" } },
      run: (gpu, { x, y, at }) => maxPool(gpu, { x, y, at }, size),
      oracle: ({ x }) => largest(x, size),
      tolerance: EXACT,
      bytes: bytes + 4 * windows,
    },
    {
      ...common,
      name: `maxPoolGrad ${shape}`,
      inputs: () => ({ at: largest(coarse(length), size).at, dy: normals(windows, 3) }),
      outputs: { dx: { length } },
      run: (gpu, { at, dy, dx }) => maxPoolGrad(gpu, { at, dy, dx }, size),
      oracle: ({ at, dy }) => largestGrad(at, dy, size),
      tolerance: sums,
      bytes: bytes + 4 * windows,
    },
    {
      ...common,
      name: `maxPoolTangent ${shape}`,
      inputs: () => ({ at: largest(coarse(length), size).at, xTangent: normals(length, 3) }),
      outputs: { yTangent: { length: windows } },
      run: (gpu, { at, xTangent, yTangent }) => maxPoolTangent(gpu, { at, xTangent, yTangent }, size),
      oracle: ({ at, xTangent }) => largestTangent(at, xTangent, size),
      tolerance: EXACT,
      bytes: 12 * windows,
    },
    {
      ...common,
      name: `averagePool ${shape}`,
      inputs: () => ({ x: normals(length, 4) }),
      outputs: { y: { length: windows } },
      run: (gpu, { x, y }) => averagePool(gpu, { x, y }, size),
      oracle: ({ x }) => average(x, size),
      tolerance: sums,
      bytes,
    },
    {
      ...common,
      name: `averagePoolGrad ${shape}`,
      inputs: () => ({ dy: normals(windows, 5) }),
      outputs: { dx: { length } },
      run: (gpu, { dy, dx }) => averagePoolGrad(gpu, { dy, dx }, size),
      oracle: ({ dy }) => averageGrad(dy, size),
      tolerance: sums,
      bytes,
    },
  ];
});

const size: PoolSize = { planes: 2, height: 6, width: 5, window: [3, 2], stride: 2, padding: 1 };
const x = normals(60, 6);
const dy = normals(windowsOf(size), 7);
export const gradients: GradientCase[] = [
  {
    name: "maxPool",
    f: (v) => dot(largest(v, size).y, dy),
    at: x,
    gradient: () => largestGrad(largest(x, size).at, dy, size).dx,
  },
  { name: "averagePool", f: (v) => dot(average(v, size).y, dy), at: x, gradient: () => averageGrad(dy, size).dx },
];
