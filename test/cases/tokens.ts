import {
  type AssembleSize,
  assembleTokens,
  assembleTokensGrad,
  meanTokens,
  meanTokensGrad,
  type TokenRange,
  takeToken,
  takeTokenGrad,
} from "../../src/kernels/tokens.js";
import { sumOf } from "../harness/close.js";
import { dot, type GradientCase } from "../harness/gradient-case.js";
import type { KernelCase } from "../harness/kernel-case.js";
import { normals } from "../harness/random.js";

type Numbers = ArrayLike<number>;

function assemble(patches: Numbers, prefix: Numbers, position: Numbers, size: AssembleSize): Float64Array {
  const head = size.prefixTokens * size.width;
  const each = head + size.tokens * size.width;
  return Float64Array.from({ length: size.batch * each }, (_, i) => {
    const at = i % each;
    return position[at] + (at < head ? prefix[at] : patches[Math.floor(i / each) * (each - head) + at - head]);
  });
}

function assembleBackward(dOut: Numbers, size: AssembleSize) {
  const head = size.prefixTokens * size.width;
  const each = head + size.tokens * size.width;
  const dPatches = new Float64Array(size.batch * (each - head));
  const dPrefix = new Float64Array(head);
  const dPosition = new Float64Array(each);
  for (let i = 0; i < dOut.length; i++) {
    const at = i % each;
    dPosition[at] += dOut[i];
    if (at < head) dPrefix[at] += dOut[i];
    else dPatches[Math.floor(i / each) * (each - head) + at - head] = dOut[i];
  }
  return { dPatches, dPrefix, dPosition };
}

function mean(x: Numbers, { batch, tokens, width, from, to }: TokenRange): Float64Array {
  const y = new Float64Array(batch * width);
  for (let b = 0; b < batch; b++)
    for (let t = from; t < to; t++)
      for (let c = 0; c < width; c++) y[b * width + c] += x[(b * tokens + t) * width + c] / (to - from);
  return y;
}

function meanBackward(dy: Numbers, { batch, tokens, width, from, to }: TokenRange): Float64Array {
  const dx = new Float64Array(batch * tokens * width);
  for (let b = 0; b < batch; b++)
    for (let t = from; t < to; t++)
      for (let c = 0; c < width; c++) dx[(b * tokens + t) * width + c] = dy[b * width + c] / (to - from);
  return dx;
}

const assembleSizes: (AssembleSize & { benchOnly?: boolean })[] = [
  { batch: 1, tokens: 1, prefixTokens: 1, width: 1 },
  { batch: 3, tokens: 5, prefixTokens: 2, width: 7 },
  { batch: 2, tokens: 16, prefixTokens: 1, width: 12 },
  { batch: 2, tokens: 9, prefixTokens: 0, width: 8 },
  { batch: 130, tokens: 2, prefixTokens: 1, width: 5 },
  { batch: 8, tokens: 196, prefixTokens: 1, width: 192, benchOnly: true },
];

const assembleCases = assembleSizes.flatMap(({ benchOnly, ...size }): KernelCase[] => {
  const { batch, tokens, prefixTokens, width } = size;
  const head = prefixTokens * width;
  const each = head + tokens * width;
  const shape = `${batch}x(${prefixTokens}+${tokens})x${width}`;
  const bytes = 8 * batch * each;
  const withPrefix = prefixTokens > 0;
  return [
    {
      name: `assembleTokens ${shape}`,
      inputs: () => ({
        patches: normals(batch * tokens * width, 1),
        position: normals(each, 2),
        ...(withPrefix && { prefix: normals(head, 3) }),
      }),
      outputs: { out: { length: batch * each } },
      run: (gpu, { patches, prefix, position, out }, storage) =>
        assembleTokens(gpu, { patches, prefix, position, out }, size, { storage }),
      float16: ["patches", "out"],
      oracle: ({ patches, prefix, position }) => ({ out: assemble(patches, prefix, position, size) }),
      tolerance: sumOf(1),
      bytes,
      benchOnly,
    },
    {
      name: `assembleTokensGrad ${shape}`,
      inputs: () => ({ dOut: normals(batch * each, 4) }),
      outputs: {
        dPatches: { length: batch * tokens * width },
        dPosition: { length: each },
        ...(withPrefix && { dPrefix: { length: head } }),
      },
      run: (gpu, { dOut, dPatches, dPrefix, dPosition }) =>
        assembleTokensGrad(gpu, { dOut, dPatches, dPrefix, dPosition }, size),
      oracle: ({ dOut }) => ({ ...assembleBackward(dOut, size) }),
      tolerance: sumOf(batch),
      bytes,
      benchOnly,
    },
  ];
});

const ranges: TokenRange[] = [
  { batch: 1, tokens: 1, width: 1, from: 0, to: 1 },
  { batch: 3, tokens: 5, width: 7, from: 1, to: 5 },
  { batch: 2, tokens: 17, width: 12, from: 2, to: 16 },
  { batch: 65, tokens: 3, width: 64, from: 0, to: 3 },
];

const rangeCases = ranges.flatMap((size): KernelCase[] => {
  const { batch, tokens, width, from, to } = size;
  const long = batch * tokens * width;
  const short = batch * width;
  const shape = `${batch}x${tokens}x${width}`;
  const taken = { ...size, from: to - 1, to };
  return [
    {
      name: `meanTokens ${shape}, ${from} to ${to}`,
      inputs: () => ({ x: normals(long, 5) }),
      outputs: { y: { length: short } },
      run: (gpu, { x, y }, storage) => meanTokens(gpu, { x, y }, size, { storage }),
      float16: ["x", "y"],
      oracle: ({ x }) => ({ y: mean(x, size) }),
      tolerance: sumOf(to - from),
    },
    {
      name: `meanTokensGrad ${shape}, ${from} to ${to}`,
      inputs: () => ({ dy: normals(short, 6) }),
      outputs: { dx: { length: long } },
      run: (gpu, { dy, dx }) => meanTokensGrad(gpu, { dy, dx }, size),
      oracle: ({ dy }) => ({ dx: meanBackward(dy, size) }),
      tolerance: sumOf(1),
    },
    {
      name: `takeToken ${shape}, ${to - 1}`,
      inputs: () => ({ x: normals(long, 7) }),
      outputs: { y: { length: short } },
      run: (gpu, { x, y }, storage) => takeToken(gpu, { x, y }, { batch, tokens, width, token: to - 1 }, { storage }),
      float16: ["x", "y"],
      oracle: ({ x }) => ({ y: mean(x, taken) }),
      tolerance: sumOf(1),
    },
    {
      name: `takeTokenGrad ${shape}, ${to - 1}`,
      inputs: () => ({ dy: normals(short, 8) }),
      outputs: { dx: { length: long } },
      run: (gpu, { dy, dx }) => takeTokenGrad(gpu, { dy, dx }, { batch, tokens, width, token: to - 1 }),
      oracle: ({ dy }) => ({ dx: meanBackward(dy, taken) }),
      tolerance: sumOf(1),
    },
  ];
});

export const cases: KernelCase[] = [...assembleCases, ...rangeCases];

const size = { batch: 2, tokens: 2, prefixTokens: 1, width: 3 };
const [patches, prefix, position, dOut] = [normals(12, 1), normals(3, 2), normals(9, 3), normals(18, 4)];
const range = { batch: 2, tokens: 3, width: 3, from: 1, to: 3 };
const dy = normals(6, 5);
export const gradients: GradientCase[] = [
  {
    name: "assembleTokens by patches",
    f: (v) => dot(assemble(v, prefix, position, size), dOut),
    at: patches,
    gradient: () => assembleBackward(dOut, size).dPatches,
  },
  {
    name: "assembleTokens by prefix",
    f: (v) => dot(assemble(patches, v, position, size), dOut),
    at: prefix,
    gradient: () => assembleBackward(dOut, size).dPrefix,
  },
  {
    name: "assembleTokens by position",
    f: (v) => dot(assemble(patches, prefix, v, size), dOut),
    at: position,
    gradient: () => assembleBackward(dOut, size).dPosition,
  },
  {
    name: "meanTokens by x",
    f: (v) => dot(mean(v, range), dy),
    at: normals(18, 6),
    gradient: () => meanBackward(dy, range),
  },
];
