/**
 * What a device can do at most, against which rows are held: multiply-adds on registers, and copies of buffers that no cache holds.
 * Both are the best of several ways, since drivers differ in what they do well.
 */
import { type Gpu, shaderFromWgsl } from "../src/gpu/index.js";
import type { Ceilings } from "./result.js";

/** Independent chains of multiply-adds: `chains` values of a type, each used `statements` times a turn. */
interface Chains {
  readonly type: "f32" | "vec4f";
  readonly chains: number;
  readonly statements: number;
}

/**
 * Software drivers keep what is carried over a turn in memory, and registers for a dozen values: many statements of few scalars do best there. GPUs
 * without scalar pipelines want vec4.
 */
const CHAINS: readonly Chains[] = [
  { type: "f32", chains: 12, statements: 4 },
  { type: "f32", chains: 8, statements: 8 },
  { type: "vec4f", chains: 4, statements: 4 },
];

const GROUP = 64;
const TURNS = 256;

function chainsText({ type, chains, statements }: Chains): string {
  const names = Array.from({ length: chains }, (_, index) => `a${index}`);
  const turn = Array.from({ length: statements }, () => names.map((name) => `    ${name} = fma(${name}, b, c);`));
  return `@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@compute @workgroup_size(${GROUP})
fn main(@builtin(global_invocation_id) id: vec3u) {
  // From memory, so that nothing is known before.
  let b = ${type}(y[0]);
  let c = ${type}(y[1]);
${names.map((name, index) => `  var ${name} = ${type}(f32(id.x) + ${index}.0);`).join("\n")}
  for (var turn = 0u; turn < ${TURNS}u; turn++) {
${turn.flat().join("\n")}
  }
  let sum = dot(vec4f(${names.join(" + ")}), vec4f(1.0));
  if (sum == -1.0) { y[2] = sum; } // never, but the compiler does not know
}
`;
}

const BYTES_PER_VEC4 = 16;
const ROWS = 32;

const copyText = (perInvocation: number): string => `const PER_INVOCATION = ${perInvocation}u;
struct Params { stride: u32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> y: array<vec4f>;
@compute @workgroup_size(${GROUP})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let first = (group.y * groups.x + group.x) * ${GROUP}u + lane;
  for (var k = 0u; k < PER_INVOCATION; k++) {
    let i = k * params.stride + first;
    y[i] = x[i];
  }
}
`;

/** Milliseconds of a sample, and of all of them; at least so many are taken. */
const [SAMPLE_MS, TOTAL_MS, LEAST_SAMPLES] = [20, 160, 3];
const MOST_TIMES = 1024;

/** The most of an amount that one run comes to, in 1e9 a second. */
async function bestRate(gpu: Gpu, amount: number, run: () => void): Promise<number> {
  const time = async (times: number) => {
    const start = performance.now();
    for (let i = 0; i < times; i++) run();
    await gpu.sync();
    return performance.now() - start;
  };
  await time(1); // compiles
  const times = Math.max(1, Math.min(MOST_TIMES, Math.round(SAMPLE_MS / (await time(1)))));
  const samples: number[] = [];
  const end = performance.now() + TOTAL_MS;
  while (samples.length < LEAST_SAMPLES || performance.now() < end) samples.push(await time(times));
  return (amount * times) / Math.min(...samples) / 1e6;
}

async function arithmetic(gpu: Gpu): Promise<number> {
  const groups = gpu.info.software ? 512 : 16_384;
  const y = gpu.allocate(16);
  gpu.upload(y, Float32Array.of(0.5, 0.25, 0, 0));
  let best = 0;
  for (const chains of CHAINS) {
    const shader = shaderFromWgsl("multiply-adds", chainsText(chains));
    const lanes = chains.type === "f32" ? 1 : 4;
    const flops = 2 * lanes * chains.chains * chains.statements * TURNS * groups * GROUP;
    best = Math.max(best, await bestRate(gpu, flops, () => gpu.dispatch(shader, { buffers: { y }, groups })));
  }
  gpu.release(y);
  return best;
}

/** Beyond the caches of today's devices, within the limits of each. */
const COPIED_BYTES = 128 * 2 ** 20;

async function bandwidth(gpu: Gpu): Promise<number> {
  const { maxStorageBufferBindingSize, maxBufferSize } = gpu.limits;
  const bytes = Math.min(COPIED_BYTES, maxStorageBufferBindingSize, maxBufferSize);
  const [x, y] = [gpu.allocate(bytes), gpu.allocate(bytes)];
  gpu.clear(x);
  const moved = 2 * bytes;
  let best = await bestRate(gpu, moved, () => gpu.copy(x, y));
  for (const perInvocation of [1, 2, 4]) {
    const shader = shaderFromWgsl("copy", copyText(perInvocation));
    const stride = bytes / BYTES_PER_VEC4 / perInvocation;
    // Two dimensions, as one has 65,535 workgroups.
    const groups = [stride / GROUP / ROWS, ROWS, 1] as const;
    const run = () => gpu.dispatch(shader, { buffers: { x, y }, params: { stride }, groups });
    best = Math.max(best, await bestRate(gpu, moved, run));
  }
  for (const buffer of [x, y]) gpu.release(buffer);
  gpu.trim();
  return best;
}

/** Takes a second or two. */
export const measureCeilings = async (gpu: Gpu): Promise<Ceilings> => ({
  arithmetic: await arithmetic(gpu),
  bandwidth: await bandwidth(gpu),
});
