/**
 * The kernel for matrix units, which no driver here has: Tint must accept its text, and its product must be right where the matrix operations are
 * written out in plain WGSL.
 */
import { expect, test } from "vitest";
import { create } from "webgpu";
import { KernelError } from "../../src/errors.js";
import type { ShaderSource } from "../../src/gpu/index.js";
import { specialize } from "../../src/gpu/shader.js";
import { matmul } from "../../src/kernels/index.js";
import { epilogue, operandConstants } from "../../src/kernels/matmul-call.js";
import { matricesFit } from "../../src/kernels/matmul-subgroup-matrix.js";
import { tileCount } from "../../src/kernels/matmul-tile.js";
import * as shaders from "../../src/kernels/shaders.gen.js";
import type { MatmulWorkload } from "../../src/kernels/tuning/choices.js";
import { proves } from "../../src/kernels/tuning/prove.js";
import type { VariantRunner } from "../../src/kernels/tuning/run-variant.js";
import { sharedGpu } from "../harness/gpu.js";

const shader = shaders.matmul_subgroup_matrix;
const sides = [
  { SIDE_M: 16, SIDE_N: 16, SIDE_K: 16, LANES: 32 },
  { SIDE_M: 8, SIDE_N: 8, SIDE_K: 8, LANES: 32 },
] as const;

/** Dawn's null backend computes nothing, but offers every feature, so that Tint looks at the text. */
const instances: GPU[] = [];

test.each(sides)("Tint accepts its text with sides of $SIDE_M", async (constants) => {
  const gpu = create(["backend=null", "enable-dawn-features=allow_unsafe_apis"]);
  instances.push(gpu);
  const adapter = await gpu.requestAdapter();
  const features = ["shader-f16", "subgroups", "chromium-experimental-subgroup-matrix"] as GPUFeatureName[];
  const device = await (adapter as GPUAdapter).requestDevice({ requiredFeatures: features });
  for (const order of ["nn", "nt", "tn"] as const) {
    const orders = { A_TRANSPOSED: order === "tn", B_TRANSPOSED: order === "nt", MASK_B: order !== "tn" };
    const storage = order === "nn" ? { Operand: "f16" } : {};
    const module = device.createShaderModule({ code: specialize(shader, { ...constants, ...orders, ...storage }) });
    expect((await module.getCompilationInfo()).messages.map(({ message }) => message)).toEqual([]);
    await device.createComputePipelineAsync({ layout: "auto", compute: { module } });
  }
  device.destroy();
});

/** A lane has every LANES-th element of a sum; operands stay in workgroup memory until they are multiplied. */
const EMULATION = `
var<private> emulated_lane: u32;
struct Left { at: u32, pitch: u32 }
struct Right { at: u32, pitch: u32 }
const HELD = SIDE_M * SIDE_N / LANES;
struct Sum { held: array<f32, HELD> }
fn load_left(at: u32, pitch: u32) -> Left { return Left(at, pitch); }
fn load_right(at: u32, pitch: u32) -> Right { return Right(at, pitch); }
fn multiply(left: Left, right: Right, before: Sum) -> Sum {
  var sum = before;
  for (var i = 0u; i < HELD; i++) {
    let e = i * LANES + emulated_lane;
    for (var k = 0u; k < SIDE_K; k++) {
      sum.held[i] += a_tile[left.at + e / SIDE_N * left.pitch + k] * b_tile[right.at + k * right.pitch + e % SIDE_N];
    }
  }
  return sum;
}
fn store(at: u32, sum: Sum, pitch: u32) {
  var held = sum.held;
  for (var i = 0u; i < HELD; i++) {
    let e = i * LANES + emulated_lane;
    sums[at + e / SIDE_N * pitch + e % SIDE_N] = held[i];
  }
}
`;

const emulated: ShaderSource = {
  ...shader,
  name: "emulated",
  code: `${shader.code
    .replace(/^(enable|diagnostic|alias (Left|Right|Sum)).*$/gm, "")
    .replace(/subgroupMatrixLoad<(Left|Right), row_major>\(&\w+/g, (_, side) => `load_${side.toLowerCase()}(`)
    .replaceAll("(, ", "(")
    .replaceAll("subgroupMatrixMultiplyAccumulate", "multiply")
    .replaceAll("subgroupMatrixStore<row_major>(&sums, ", "store(")
    .replace(/(?<=\d)h\b/g, "f")
    .replace(/\bf16\b/g, "f32")
    .replace("let place =", "emulated_lane = index % LANES;\n  let place =")}${EMULATION}`,
};

const runEmulated: VariantRunner = (gpu, _, { order, size }, buffers, options = {}) => {
  const call = { gpu, order, size, buffers, options };
  const end = epilogue(call);
  gpu.dispatch(emulated, {
    buffers: { a: buffers.a, b: buffers.b as typeof buffers.a, ...end.buffers },
    params: { m: size.m, n: size.n, k: size.k, batches: size.batch ?? 1 },
    constants: { ...operandConstants(call), ...end.constants, ...sides[1] },
    groups: tileCount(size, 32, 32),
  });
};

test.each([
  ["nn", false, 4],
  ["nt", true, 4],
  ["nt", false, 5],
  ["tn", true, 5],
] as const)("order %s, masked %s, with its matrix operations emulated", async (order, masked, extent) => {
  const gpu = await sharedGpu();
  using _scope = gpu.scope();
  const workload: MatmulWorkload = { order, masked, size: { m: extent, n: extent, k: extent } };
  expect(await proves(gpu, "subgroup matrix", workload, runEmulated)).toBe(true);
});

test("a device without matrix units refuses it", async () => {
  const gpu = await sharedGpu();
  if (matricesFit(gpu)) return;
  using _scope = gpu.scope();
  const [a, b, out] = [0, 1, 2].map(() => gpu.allocate(64));
  const forced = () => matmul(gpu, "nt", { a, b, out }, { m: 4, n: 4, k: 4 }, { variant: "subgroup matrix" });
  expect(forced).toThrow(KernelError);
});
