/** The self-test: small products of integers, which every kernel that computes gets right to the bit, in f32 as in f16. */
import type { Gpu, GpuBuffer } from "../../gpu/index.js";
import type { MatmulBuffers, MatmulSize } from "../matmul.js";
import type { MatmulVariant } from "../matmul-variant.js";
import { isWhole, type MatmulWorkload } from "./choices.js";
import { runVariant, type VariantRunner } from "./run-variant.js";

/** Sums that the lane kernel takes in one turn with subgroups of four and of eight, and one that can be split. */
const DEPTHS = [32, 64, 272];

/**
 * The size of the product that stands for a workload: past the edge of a tile of the smallest kind each way, wide enough for the lane kernel's tall
 * tiles; rows of operands and of the result whole vec4 where the workload's are, and the sum as long as its own, of three lengths.
 */
export function proofSize(workload: MatmulWorkload) {
  const { n, k } = workload.size;
  const depth = DEPTHS.find((most) => k <= most) ?? DEPTHS[DEPTHS.length - 1];
  const ragged = isWhole(workload) ? 0 : 1;
  return { m: 36 + ragged, n: n % 4 === 0 ? 108 : 107, k: depth - 4 + ragged, batch: 2 } satisfies MatmulSize;
}

type ProofSize = ReturnType<typeof proofSize>;

/** Integers from -2 to 2: sums stay below 2^11, up to which f16 is exact. */
const integers = (length: number, seed: number): Float32Array<ArrayBuffer> =>
  Float32Array.from({ length }, (_, i) => ((i * 7 + seed) % 5) - 2);

/** Bits of rows x columns, the first 32 x 32 of them zero: kernels that skip squares without a bit must skip these and no others. */
function keepBits(rows: number, columns: number): Uint32Array<ArrayBuffer> {
  const length = Math.ceil((rows * columns) / 32);
  const words = Uint32Array.from({ length }, (_, word) => Math.imul(word + 1, 0x9e3779b1));
  for (let row = 0; row < 32; row++) {
    for (let i = row * columns; i < row * columns + 32; i++) words[i >> 5] &= ~(1 << (i & 31));
  }
  return words;
}

const kept = (mask: Uint32Array, index: number): boolean => ((mask[index >> 5] >> (index & 31)) & 1) === 1;

/** What goes into the products: operands, and the parts of an epilogue. */
function makeInputs(order: MatmulWorkload["order"], { m, n, k, batch }: ProofSize) {
  const [rows, columns] = { nn: [k, n], nt: [n, k], tn: [m, n] }[order]; // of the mask
  return {
    ...{ a: integers(batch * m * k, 1), b: integers(batch * k * n, 3), mask: keepBits(rows, columns) },
    ...{ bias: integers(n, 2), gate: integers(n, 4), residual: integers(batch * m * n, 0) },
  };
}

type Inputs = ReturnType<typeof makeInputs>;

/** The product alone, and behind bias, ReLU, gate and residual. */
function expected({ order, masked }: MatmulWorkload, { m, n, k, batch }: ProofSize, inputs: Inputs) {
  const { a, b, mask, bias, gate, residual } = inputs;
  const plain = new Float32Array(batch * m * n);
  const behindEpilogue = new Float32Array(residual);
  const isKept = (index: number) => !masked || kept(mask, index);
  for (let at = 0; at < plain.length; at++) {
    const [z, row, column] = [Math.floor(at / (m * n)), Math.floor(at / n) % m, at % n];
    if (order === "tn" && !isKept(row * n + column)) continue;
    for (let i = 0; i < k; i++) {
      const inA = order === "tn" ? i * m + row : row * k + i;
      const inB = order === "nt" ? column * k + i : i * n + column;
      if (order === "tn" || isKept(inB)) plain[at] += a[z * m * k + inA] * b[z * k * n + inB];
    }
    behindEpilogue[at] += gate[column] * Math.max(plain[at] + bias[column], 0);
  }
  return { plain, behindEpilogue };
}

const equals = (got: Float32Array, wanted: Float32Array): boolean => wanted.every((value, i) => got[i] === value);

/**
 * Whether the kernel computes right on this device, for products like this one: two in a batch, without and with an epilogue.
 * A kernel that does not compile does not.
 * @throws GpuError for faults of what was dispatched before
 */
export async function proves(
  gpu: Gpu,
  variant: MatmulVariant,
  workload: MatmulWorkload,
  run: VariantRunner = runVariant,
): Promise<boolean> {
  const size = proofSize(workload);
  const inputs = makeInputs(workload.order, size);
  const buffers: GpuBuffer[] = [];
  const upload = (data: Float32Array | Uint32Array): GpuBuffer => {
    const buffer = gpu.unscoped(() => gpu.allocate(data.byteLength));
    buffers.push(buffer);
    gpu.upload(buffer, data);
    return buffer;
  };
  await gpu.sync(); // faults that are not the kernel's
  try {
    const [a, b, bias, gate, residual] = [inputs.a, inputs.b, inputs.bias, inputs.gate, inputs.residual].map(upload);
    const operands: Omit<MatmulBuffers, "out"> = { a, b, ...(workload.masked && { mask: upload(inputs.mask) }) };
    const [plain, behindEpilogue] = [0, 1].map(() => upload(new Float32Array(inputs.residual.length).fill(Number.NaN)));
    const small = { ...workload, size };
    run(gpu, variant, small, { ...operands, out: plain });
    run(gpu, variant, small, { ...operands, bias, gate, residual, out: behindEpilogue }, { activation: "relu" });
    const wanted = expected(workload, size, inputs);
    return equals(await gpu.read(plain), wanted.plain) && equals(await gpu.read(behindEpilogue), wanted.behindEpilogue);
  } catch {
    return false;
  } finally {
    for (const buffer of buffers) gpu.release(buffer);
  }
}
