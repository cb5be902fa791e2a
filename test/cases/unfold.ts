import { convExtents } from "../../src/kernels/conv-size.js";
import { type UnfoldSize, unfold } from "../../src/kernels/unfold.js";
import { EXACT } from "../harness/close.js";
import type { KernelCase } from "../harness/kernel-case.js";
import { normals } from "../harness/random.js";

function rowsOf(x: ArrayLike<number>, size: UnfoldSize): number[] {
  const { batch, channels, height, width, kernel, stride, padding, out } = convExtents("oracle", {
    ...size,
    outputs: 1,
  });
  const rows: number[] = [];
  for (let n = 0; n < batch; n++)
    for (let oy = 0; oy < out.height; oy++)
      for (let ox = 0; ox < out.width; ox++)
        for (let c = 0; c < channels; c++)
          for (let ky = 0; ky < kernel[0]; ky++)
            for (let kx = 0; kx < kernel[1]; kx++) {
              const [y, column] = [oy * stride + ky - padding, ox * stride + kx - padding];
              const inside = y >= 0 && y < height && column >= 0 && column < width;
              rows.push(inside ? x[((n * channels + c) * height + y) * width + column] : 0);
            }
  return rows;
}

const sizes: (UnfoldSize & { benchOnly?: boolean })[] = [
  { batch: 1, channels: 1, height: 1, width: 1, kernel: [1, 1] },
  { batch: 2, channels: 3, height: 7, width: 5, kernel: [3, 3], padding: 1 },
  { batch: 3, channels: 2, height: 9, width: 11, kernel: [3, 2], stride: 2, padding: 1 },
  { batch: 2, channels: 5, height: 6, width: 7, kernel: [1, 1] },
  { batch: 2, channels: 3, height: 13, width: 13, kernel: [7, 7], stride: 2, padding: 3 },
  { batch: 16, channels: 64, height: 32, width: 32, kernel: [3, 3], padding: 1, benchOnly: true },
];

export const cases: KernelCase[] = sizes.map(({ benchOnly, ...size }): KernelCase => {
  const { batch, channels, height, width, kernel, stride, padding, lengths } = convExtents("case", {
    ...size,
    outputs: 1,
  });
  const geometry = `${batch}x${channels}x${height}x${width}, kernel ${kernel.join("x")}, stride ${stride}, padding ${padding}`;
  const length = lengths.y * lengths.weight;
  return {
    name: `unfold ${geometry}`,
    inputs: () => ({ x: normals(lengths.x, 1) }),
    outputs: { rows: { length } },
    run: (gpu, { x, rows }) => unfold(gpu, { x, rows }, size),
    oracle: ({ x }) => ({ rows: rowsOf(x, size) }),
    tolerance: EXACT,
    bytes: 4 * (lengths.x + length),
    benchOnly,
  };
});
