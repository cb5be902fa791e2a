/** The self-test: a small product of integers, which every kernel that computes gets right to the bit, in f32 as in f16. */
import type { Gpu } from "../../gpu/index.js";
import type { MatmulBuffers, MatmulSize } from "../matmul.js";
import type { MatmulVariant } from "../matmul-variant.js";
import { isWhole, type MatmulWorkload } from "./choices.js";
import { runVariant, type VariantRunner } from "./run-variant.js";

/** More than one tile of the smallest kind each way, and long enough to be split. */
const WHOLE: MatmulSize = { m: 36, n: 44, k: 268 };
const RAGGED: MatmulSize = { m: 37, n: 43, k: 261 };

/** Integers from -2 to 2: sums stay below 2^11, up to which f16 is exact. */
const integers = (length: number, seed: number): Float32Array =>
  Float32Array.from({ length }, (_, i) => ((i * 7 + seed) % 5) - 2);

/** Bits of rows x columns, the first 32 x 32 of them zero: kernels that skip squares without a bit must skip these and no others. */
function keepBits(rows: number, columns: number): Uint32Array {
  const length = Math.ceil((rows * columns) / 32);
  const words = Uint32Array.from({ length }, (_, word) => Math.imul(word + 1, 0x9e3779b1));
  for (let row = 0; row < 32; row++) {
    for (let i = row * columns; i < row * columns + 32; i++) words[i >> 5] &= ~(1 << (i & 31));
  }
  return words;
}

const kept = (mask: Uint32Array, index: number): boolean => ((mask[index >> 5] >> (index & 31)) & 1) === 1;

function product(
  { order, masked, size: { m, n, k } }: MatmulWorkload,
  a: Float32Array,
  b: Float32Array,
  mask: Uint32Array,
) {
  const out = new Float32Array(m * n);
  for (let row = 0; row < m; row++) {
    for (let column = 0; column < n; column++) {
      const element = row * n + column;
      if (masked && order === "tn" && !kept(mask, element)) continue;
      for (let i = 0; i < k; i++) {
        const inB = order === "nt" ? column * k + i : i * n + column;
        if (masked && order !== "tn" && !kept(mask, inB)) continue;
        out[element] += a[order === "tn" ? i * m + row : row * k + i] * b[inB];
      }
    }
  }
  return out;
}

/**
 * Whether the kernel computes right on this device, for products of this order, mask and kind of rows. A kernel that does not compile does not.
 * @throws GpuError for faults of what was dispatched before
 */
export async function proves(
  gpu: Gpu,
  variant: MatmulVariant,
  workload: MatmulWorkload,
  run: VariantRunner = runVariant,
): Promise<boolean> {
  const small = { ...workload, size: isWhole(workload) ? WHOLE : RAGGED };
  const { m, n, k } = small.size;
  const [rows, columns] = { nn: [k, n], nt: [n, k], tn: [m, n] }[workload.order]; // of the mask
  const [a, b, mask] = [integers(m * k, 1), integers(k * n, 3), keepBits(rows, columns)];
  const buffers = gpu.unscoped(() => ({
    ...{ a: gpu.allocate(4 * m * k), b: gpu.allocate(4 * k * n), out: gpu.allocate(4 * m * n) },
    ...(small.masked && { mask: gpu.allocate(mask.byteLength) }),
  }));
  const owned = Object.values(buffers);
  await gpu.sync(); // faults that are not the kernel's
  try {
    gpu.upload(buffers.a, a);
    gpu.upload(buffers.b, b);
    if (buffers.mask) gpu.upload(buffers.mask, mask);
    gpu.upload(buffers.out, new Float32Array(m * n).fill(Number.NaN));
    run(gpu, variant, small, buffers satisfies MatmulBuffers);
    const got = await gpu.read(buffers.out);
    const want = product(small, a, b, mask);
    return want.every((value, i) => got[i] === value);
  } catch {
    return false;
  } finally {
    for (const buffer of owned) gpu.release(buffer);
  }
}
