import { dropout, randomNormal, randomSigns, randomUniform } from "../../src/kernels/random.js";
import { EXACT, elementwise } from "../harness/close.js";
import type { KernelCase } from "../harness/kernel-case.js";
import { drawUniform, drawWord } from "../harness/philox.js";
import { normals } from "../harness/random.js";

const state = Uint32Array.of(0xdecafbad, 41);
const lengths: [length: number, benchOnly?: boolean][] = [[1], [2], [255], [256], [257], [1021], [4_000_000, true]];

function normalOracle(length: number, stream: number): Float64Array {
  return Float64Array.from({ length }, (_, i) => {
    const block = i - (i % 4);
    const pair = i % 2;
    const radius = Math.sqrt(-2 * Math.log(1 - drawUniform(block + pair, stream, state)));
    const angle = 2 * Math.PI * drawUniform(block + 2 + pair, stream, state) - Math.PI;
    return radius * (i % 4 < 2 ? Math.cos(angle) : Math.sin(angle));
  });
}

const uniformCases: KernelCase[] = lengths.map(([length, benchOnly]) => ({
  name: `randomUniform ${length}`,
  inputs: () => ({ state }),
  outputs: { y: { length } },
  run: (gpu, { y, state }) => randomUniform(gpu, { y, state }, { length, stream: 3 }),
  oracle: ({ state }) => ({ y: Float64Array.from({ length }, (_, i) => drawUniform(i, 3, state)) }),
  tolerance: EXACT,
  bytes: 4 * length,
  benchOnly,
}));

const normalCases: KernelCase[] = lengths.map(([length, benchOnly]) => ({
  name: `randomNormal ${length}`,
  inputs: () => ({ state }),
  outputs: { y: { length } },
  run: (gpu, { y, state }) => randomNormal(gpu, { y, state }, { length, stream: 5 }),
  oracle: () => ({ y: normalOracle(length, 5) }),
  // WGSL allows sine and cosine an absolute error of 2^-11; software drivers stay far below.
  tolerance: { atol: 2 ** -11 * 6, rtol: 1e-5 },
  bytes: 4 * length,
  benchOnly,
}));

const signCases: KernelCase[] = lengths.map(([length, benchOnly]) => ({
  name: `randomSigns ${length}`,
  inputs: () => ({ state }),
  outputs: { y: { length } },
  run: (gpu, { y, state }) => randomSigns(gpu, { y, state }, { length, stream: 7 }),
  oracle: ({ state }) => ({ y: Float64Array.from({ length }, (_, i) => (drawWord(i, 7, state) < 2 ** 31 ? 1 : -1)) }),
  tolerance: EXACT,
  bytes: 4 * length,
  benchOnly,
}));

const dropShapes: [length: number, inner: number, keep: number, benchOnly?: boolean][] = [
  [1, 1, 0.5],
  [1021, 1, 0.9],
  [1024, 1, 1],
  [7 * 13, 7, 0.5],
  [5 * 64 * 12, 64 * 12, 0.6],
  [4_000_000, 1, 0.9, true],
  [4_000_000, 37_824, 0.9, true],
];

const dropCases: KernelCase[] = dropShapes.map(([length, inner, keep, benchOnly]) => {
  return {
    name: `dropout ${length} inner ${inner} keep ${keep}`,
    inputs: () => ({ x: normals(length, length), state }),
    outputs: { y: { length } },
    run: (gpu, { x, y, state }) => dropout(gpu, { x, y, state }, { length, inner, keep, stream: 0xffffffff }),
    oracle: ({ x, state }) => ({
      y: Float64Array.from(x, (value, i) =>
        drawUniform(Math.floor(i / inner), 0xffffffff, state) < Math.fround(keep) ? value / keep : 0,
      ),
    }),
    tolerance: elementwise,
    bytes: 8 * length,
    benchOnly,
  };
});

export const cases: KernelCase[] = [...uniformCases, ...normalCases, ...signCases, ...dropCases];
