import { type EmbeddingSize, embedding, embeddingGrad } from "../../src/kernels/embedding.js";
import { EXACT, sumOf } from "../harness/close.js";
import { dot, type GradientCase } from "../harness/gradient-case.js";
import type { KernelCase } from "../harness/kernel-case.js";
import { normals, randomGenerator } from "../harness/random.js";

type Numbers = ArrayLike<number>;

function forward(table: Numbers, ids: Numbers, { width }: EmbeddingSize): Float64Array {
  return Float64Array.from({ length: ids.length * width }, (_, i) => {
    return table[ids[Math.floor(i / width)] * width + (i % width)];
  });
}

function backward(ids: Numbers, dy: Numbers, { rows, width }: EmbeddingSize): Float64Array {
  const dTable = new Float64Array(rows * width);
  for (let i = 0; i < dy.length; i++) dTable[ids[Math.floor(i / width)] * width + (i % width)] += dy[i];
  return dTable;
}

type Draw = (size: EmbeddingSize, next: () => number) => number;
const anywhere: Draw = ({ rows }, next) => Math.floor(next() * rows);
/** Half of them the same, as padding is. */
const padded: Draw = (size, next) => (next() < 0.5 ? 0 : anywhere(size, next));
const last: Draw = ({ rows }) => rows - 1;

const shapes: [size: EmbeddingSize, draw: Draw, benchOnly?: boolean][] = [
  [{ rows: 1, width: 1, count: 1 }, anywhere],
  [{ rows: 5, width: 3, count: 7 }, anywhere],
  [{ rows: 31, width: 63, count: 1 }, last],
  [{ rows: 17, width: 64, count: 65 }, padded],
  [{ rows: 3, width: 65, count: 127 }, last],
  [{ rows: 8191, width: 4, count: 13 }, padded], // most rows are looked up by none
  [{ rows: 11, width: 8, count: 5003 }, padded],
  [{ rows: 7, width: 1, count: 70_001 }, anywhere],
  [{ rows: 49_408, width: 512, count: 64 * 77 }, padded, true], // CLIP ViT-B/32's text, 64 of them
];

export const cases: KernelCase[] = shapes.flatMap(([size, draw, benchOnly]): KernelCase[] => {
  const { rows, width, count } = size;
  const ids = () => {
    const next = randomGenerator(count);
    return Uint32Array.from({ length: count }, () => draw(size, next));
  };
  const shape = `${count} ${draw.name} of ${rows}x${width}`;
  return [
    {
      name: `embedding ${shape}`,
      inputs: () => ({ table: normals(rows * width, 1), ids: ids() }),
      outputs: { y: { length: count * width } },
      run: (gpu, { table, ids, y }) => embedding(gpu, { table, ids, y }, size),
      oracle: ({ table, ids }) => ({ y: forward(table, ids, size) }),
      tolerance: EXACT,
      bytes: 4 * count * (1 + 2 * width),
      benchOnly,
    },
    {
      name: `embeddingGrad ${shape}`,
      inputs: () => ({ ids: ids(), dy: normals(count * width, 2) }),
      outputs: { dTable: { length: rows * width } },
      run: (gpu, { ids, dy, dTable }) => embeddingGrad(gpu, { ids, dy, dTable }, size),
      oracle: ({ ids, dy }) => ({ dTable: backward(ids, dy, size) }),
      tolerance: sumOf(count),
      flops: count * width,
      bytes: 4 * (count * (1 + width) + rows * width),
      benchOnly,
    },
  ];
});

const size = { rows: 4, width: 3, count: 5 };
const ids = [2, 0, 2, 3, 2];
const dy = normals(15, 3);
export const gradients: GradientCase[] = [
  {
    name: "embedding by table",
    f: (table) => dot(forward(table, ids, size), dy),
    at: normals(12, 4),
    gradient: () => backward(ids, dy, size),
  },
];
