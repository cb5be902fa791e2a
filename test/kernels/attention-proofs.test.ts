/** The self-test of attention's kernels: what it sees, and what a device does whose driver computes wrongly. The driver's fault is planted in the kernel's text. */
import { describe, expect, test, vi } from "vitest";
import { GpuError } from "../../src/errors.js";
import { Gpu, type GpuBuffer } from "../../src/gpu/index.js";
import { type AttentionVariant, planAttention } from "../../src/kernels/attention-variant.js";
import {
  attention,
  attentionGrad,
  crossAttention,
  crossAttentionGrad,
  shippedTuning,
} from "../../src/kernels/index.js";
import { proveAttention } from "../../src/kernels/tuning/attention-proofs.js";
import { type AttentionTask, describeUse } from "../../src/kernels/tuning/attention-uses.js";
import { provesAttention } from "../../src/kernels/tuning/prove-attention.js";
import { inOwnCache } from "../harness/cache.js";
import { requireFeature, sharedGpu } from "../harness/gpu.js";
import { normals } from "../harness/random.js";

/** The shared device as a host's. */
const guest = async (): Promise<Gpu> => Gpu.from((await sharedGpu()).device);

const square = (tokens: number, headDim: number) => ({ headDim, rows: tokens, others: tokens, heads: 4 });

const plain = { causal: false, gated: false };
const noGates = { gatedHeads: false, beside: false };
const forward = (headDim: number): AttentionTask => ({
  part: "forward",
  headDim,
  ...plain,
  ...noGates,
  storage: "f32",
});

/** Runs with a driver that reads other texts than it is given. */
async function withFault(edit: (code: string, label: string) => string, use: () => Promise<void>): Promise<void> {
  const { device } = await sharedGpu();
  const create = device.createShaderModule.bind(device);
  const spy = vi
    .spyOn(device, "createShaderModule")
    .mockImplementation((given) => create({ ...given, code: edit(given.code, given.label ?? "") }));
  try {
    await use();
  } finally {
    spy.mockRestore();
  }
}

/** What a driver may get wrong, of any of the kernels. */
const faults: Record<string, (code: string) => string> = {
  "the scale": (code) => code.replaceAll("params.scale", "(0.99 * params.scale)"),
  "the second image": (code) => code.replace(/let (b|image) = (group\.[yz]);/, "let $1 = 0u * $2;"),
  "the last row": (code) =>
    code
      .replace(/= select\(params\.(keys|other_rows), min/, "= select(params.$1 - 1u, min")
      .replace(/key < HELD|first \+ lane < params\.other_rows/, "1u + $&"),
};

/** Halves the scores of kernels with subgroups, or of all. */
const halved =
  (all: boolean) =>
  (code: string, label: string): string =>
    label.includes("attention") && (all || /attention_(stream|short|lane|grad_lane)/.test(label))
      ? code.replaceAll("params.scale", "(0.5 * params.scale)")
      : code;

/** What a model does: attention of 9 tokens. */
const SIZE = { batch: 1, tokens: 9, heads: 2, headDim: 4 };
const LENGTH = 9 * 2 * 4;

function attend(gpu: Gpu, variant?: AttentionVariant): GpuBuffer {
  const [qkv, out, logsumexp] = [3 * LENGTH, LENGTH, 18].map((length) => gpu.allocate(4 * length));
  gpu.upload(qkv, normals(3 * LENGTH, 1, 1.5));
  attention(gpu, { qkv, out, logsumexp }, SIZE, { variant });
  return out;
}

/** The variant that the device takes; null where it is the portable one, which nothing replaces. */
const replaceable = (gpu: Gpu): AttentionVariant | null => {
  const { variant } = planAttention(gpu, square(9, 4));
  return variant === "row" ? null : variant;
};

describe("the self-test of attention", () => {
  test.each<[variant: AttentionVariant, tokens: number, headDim: number]>([
    ["stream", 17, 8],
    ["stream", 61, 11],
    ["short", 9, 16],
    ["short", 37, 5],
    ["lane", 9, 16],
    ["row", 9, 16],
    ["row", 7, 5],
  ])("passes %s for %i tokens with heads of %i", async (variant, tokens, headDim) => {
    using gpu = await guest();
    const lanes = gpu.features.has("subgroups") && [4, 8].includes(gpu.info.subgroupSize ?? 0);
    if (variant !== "row" && !lanes) return;
    const kernels = [planAttention(gpu, square(tokens, headDim), variant)];
    expect(await provesAttention(gpu, { task: forward(headDim), kernels })).toBe(true);
    expect(await provesAttention(gpu, { task: { part: "gradient", headDim, ...plain }, kernels })).toBe(true);
    const { pipelines } = gpu.counters;
    expect(await provesAttention(gpu, { task: forward(headDim), kernels })).toBe(true);
    expect(gpu.counters.pipelines).toBe(pipelines);
  });

  test("passes causal kernels with gates of keys and heads", async () => {
    using gpu = await guest();
    const kernels = [planAttention(gpu, square(37, 8))];
    const selection = { headDim: 8, causal: true, gated: true };
    for (const beside of [false, true]) {
      const task: AttentionTask = { part: "forward", ...selection, gatedHeads: true, beside, storage: "f32" };
      expect(await provesAttention(gpu, { task, kernels })).toBe(true);
    }
    expect(await provesAttention(gpu, { task: { part: "gradient", ...selection }, kernels })).toBe(true);
  });

  test("passes kernels that read f16", async (context) => {
    using gpu = await guest();
    requireFeature(gpu, "shader-f16", context);
    const task: AttentionTask = { part: "forward", headDim: 16, ...plain, ...noGates, storage: "f16" };
    const kernels = [planAttention(gpu, square(9, 16), undefined, "f16")];
    expect(await provesAttention(gpu, { task, kernels })).toBe(true);
  });

  test.each(Object.entries(faults))("sees that a kernel gets %s wrong", async (_, edit) => {
    await withFault(edit, async () => {
      for (const variant of [undefined, "row"] as const) {
        using gpu = await guest();
        const kernels = [planAttention(gpu, square(9, 4), variant)];
        expect(await provesAttention(gpu, { task: forward(4), kernels })).toBe(false);
        expect(await provesAttention(gpu, { task: { part: "gradient", headDim: 4, ...plain }, kernels })).toBe(false);
      }
    });
  });

  test("sees that sums of earlier keys do not fade", async () => {
    const lasting = (code: string) =>
      code.replace(/let fade = exp\([^;]*;|(keep) = exp2\([^;]*;/, (_, keep) => `${keep ?? "let fade"} = 1.0;`);
    await withFault(lasting, async () => {
      using gpu = await guest();
      for (const variant of ["stream", "row"] as const) {
        if (variant === "stream" && !replaceable(gpu)) continue;
        const kernels = [planAttention(gpu, square(61, 4), variant)];
        expect(await provesAttention(gpu, { task: forward(4), kernels }), variant).toBe(false);
      }
    });
  });

  test("runs once a driver, at the end of the first await, and compiles nothing", async () => {
    await inOwnCache(async () => {
      const dispatches: number[] = [];
      for (let run = 0; run < 2; run++) {
        using gpu = await guest();
        await proveAttention(gpu);
        using _scope = gpu.scope();
        const out = attend(gpu);
        attend(gpu);
        const { pipelines } = gpu.counters;
        const inUse = gpu.memory.inUse;
        await gpu.read(out);
        expect(gpu.counters.pipelines).toBe(pipelines);
        expect(gpu.memory.inUse).toBe(inUse);
        dispatches.push(gpu.counters.dispatches);
      }
      expect(dispatches).toEqual([3, 2]);
    });
  });

  test("is told of every kernel that the device chooses, once, and of none that was asked for", async () => {
    await inOwnCache(async () => {
      using gpu = await guest();
      await proveAttention(gpu);
      using _scope = gpu.scope();
      const jobs = vi.spyOn(gpu, "proveAtNextAwait").mockImplementation(() => {});
      const [qkv, out, logsumexp, dOut, dQkv] = Array.from({ length: 5 }, () => gpu.allocate(4 * 3 * LENGTH));
      const buffers = { qkv, out, logsumexp };
      attention(gpu, buffers, SIZE, { variant: "row" });
      expect(jobs).toHaveBeenCalledTimes(0);
      attention(gpu, buffers, SIZE);
      attention(gpu, buffers, { ...SIZE, batch: 1, heads: 1 });
      expect(jobs).toHaveBeenCalledTimes(1);
      attention(gpu, buffers, SIZE, { causal: true });
      attentionGrad(gpu, { ...buffers, dOut, dQkv }, SIZE);
      expect(jobs).toHaveBeenCalledTimes(3);
    });
  });
});

/** Calls fn in a cache of its own, on a driver that computes attention wrongly, with what is right. */
const besideRight = (fn: (wanted: Float32Array) => Promise<void>): Promise<void> =>
  inOwnCache(async () => {
    using right = await guest();
    using _scope = right.scope();
    const wanted = await right.read(attend(right, "row"));
    await withFault(halved(false), () => fn(wanted));
  });

describe("a driver that computes attention wrongly", () => {
  test("hands over nothing that a wrong kernel made, and takes the portable one from then on", async (context) => {
    const variant = replaceable(await sharedGpu());
    if (!variant) context.skip("this device takes the portable kernel");
    await besideRight(async (wanted) => {
      using gpu = await guest();
      await shippedTuning().prepare(gpu);
      using _own = gpu.scope();
      const out = attend(gpu);
      const problem = `^attention \\(forward, head dimension 4, 9 tokens\\): expected right values, got wrong values from kernel ${variant} on .*; throw away what this Gpu has computed, .* kernel row$`;
      await expect(gpu.read(out)).rejects.toThrow(new RegExp(problem));
      expect(await gpu.read(attend(gpu))).toEqual(wanted);

      const warn = vi.spyOn(console, "warn").mockImplementation(() => {});
      using later = await guest();
      await shippedTuning().prepare(later);
      expect(warn).toHaveBeenCalledExactlyOnceWith(expect.stringContaining(`kernels ${variant} compute wrongly`));
      warn.mockRestore();
      using _later = later.scope();
      expect(await later.read(attend(later))).toEqual(wanted);
    });
  });

  test.each(["forward", "gradients"])("is told which use is wrong: %s", async (part) => {
    await inOwnCache(async () => {
      await withFault(halved(true), async () => {
        using gpu = await guest();
        await proveAttention(gpu);
        using _scope = gpu.scope();
        const [q, kv, out, logsumexp, dOut, dQ, dKv] = Array.from({ length: 7 }, () => gpu.allocate(4 * 2 * LENGTH));
        const size = { batch: 1, queries: 5, keys: 9, heads: 2, headDim: 4 };
        if (part === "forward") crossAttention(gpu, { q, kv, out, logsumexp }, size);
        else crossAttentionGrad(gpu, { q, kv, out, logsumexp, dOut, dQ, dKv }, size);
        await expect(gpu.sync()).rejects.toThrow(
          `attention (${part}, head dimension 4, 5 queries of 9 keys): expected`,
        );
      });
    });
  });

  test("a use is described by what chooses its kernel", () => {
    const tokens = { queries: 197, keys: 197 };
    const selection = { headDim: 64, causal: true, gated: true };
    const forward: AttentionTask = { part: "forward", ...selection, gatedHeads: true, beside: true, storage: "f16" };
    expect(describeUse(forward, tokens)).toBe(
      "forward, head dimension 64, 197 tokens, causal, gated keys, gated heads, f16",
    );
    expect(describeUse({ part: "gradient", ...selection, gated: false }, tokens)).toBe(
      "gradients, head dimension 64, 197 tokens, causal",
    );
  });

  test("replays nothing that was recorded before, until it is recorded again", async (context) => {
    const variant = replaceable(await sharedGpu());
    if (!variant) context.skip("this device takes the portable kernel");
    await besideRight(async (wanted) => {
      using gpu = await guest();
      await proveAttention(gpu);
      using _own = gpu.scope();
      const [qkv, out, logsumexp] = [3 * LENGTH, LENGTH, 18].map((length) => gpu.allocate(4 * length));
      gpu.upload(qkv, normals(3 * LENGTH, 1, 1.5));
      const record = () => gpu.record(() => attention(gpu, { qkv, out, logsumexp }, SIZE));
      using before = record();
      before.replay();
      await expect(gpu.read(out)).rejects.toThrow("wrong values");
      const refusal = new RegExp(
        `recording: expected one made after attention's kernel ${variant} .* on .*, got one made before; record it again$`,
      );
      for (let again = 0; again < 2; again++) expect(() => before.replay()).toThrow(refusal);
      expect(() => before.replay()).toThrow(GpuError);
      gpu.clear(out);
      using after = record();
      after.replay();
      expect(await gpu.read(out)).toEqual(wanted);
    });
  });

  test("hands over nothing to anybody who awaits at the same time", async () => {
    await inOwnCache(async () => {
      await withFault(halved(true), async () => {
        using gpu = await guest();
        await proveAttention(gpu);
        using _scope = gpu.scope();
        const out = attend(gpu);
        const others = [gpu.read(out), gpu.sync(), gpu.read(out)];
        for (const other of await Promise.allSettled(others)) {
          expect(other).toMatchObject({
            status: "rejected",
            reason: { message: expect.stringContaining("wrong values") },
          });
        }
      });
    });
  });

  test("is told after a fault of something else amid the test", async () => {
    await inOwnCache(async () => {
      await withFault(halved(true), async () => {
        using gpu = await guest();
        await proveAttention(gpu);
        using _scope = gpu.scope();
        const out = attend(gpu);
        vi.spyOn(gpu, "unscoped").mockImplementationOnce(() => {
          throw new GpuError("something else");
        });
        await expect(gpu.sync()).rejects.toThrow("something else");
        await expect(gpu.read(out)).rejects.toThrow("wrong values");
      });
    });
  });

  test("is refused where the portable kernel is wrong too, and asked again by the next process", async () => {
    const warn = vi.spyOn(console, "warn").mockImplementation(() => {});
    await inOwnCache(async () => {
      await withFault(halved(true), async () => {
        for (let run = 0; run < 2; run++) {
          using gpu = await guest();
          await proveAttention(gpu);
          using _scope = gpu.scope();
          attend(gpu);
          if (run === 0 && replaceable(gpu)) {
            await expect(gpu.sync()).rejects.toThrow(/left to kernel row$/);
            attend(gpu);
          }
          const refused = gpu.sync();
          await expect(refused).rejects.toThrow(GpuError);
          await expect(refused).rejects.toThrow(/kernel row on .*; use another adapter$/);
          await expect(gpu.sync()).rejects.toThrow(/kernel row/);
        }
      });
    });
    warn.mockRestore();
  });
});
