/** Choices of kernels: keys, the self-test, pinned, kept and lazy ones. Speed is no assertion. */
import { describe, expect, test, vi } from "vitest";
import { platform } from "#platform";
import { FormatError } from "../../src/errors.js";
import { Gpu, type Tuning } from "../../src/gpu/index.js";
import {
  cachedTuning,
  lazyTuning,
  type MatmulWorkload,
  makeTuningFile,
  matmul,
  pinnedTuning,
  tuneMatmul,
  vitWorkloads,
  workloadKey,
} from "../../src/kernels/index.js";
import { chooseVariant, type MatmulVariant } from "../../src/kernels/matmul-variant.js";
import { choose } from "../../src/kernels/tuning/choices.js";
import { runVariant, type VariantRunner } from "../../src/kernels/tuning/run-variant.js";
import { Trainer } from "../../src/train/index.js";
import { inOwnCache } from "../harness/cache.js";
import { sharedGpu } from "../harness/gpu.js";
import { quadrantData, tinyViT } from "../harness/tiny-vit.js";

const workload: MatmulWorkload = { order: "nt", masked: false, size: { m: 40, n: 40, k: 40 } };
const SMALL: MatmulVariant = "tile 32x32x8/4x4";

/** What `matmul` would run. */
const chosen = (gpu: Gpu, { order, size }: MatmulWorkload): MatmulVariant =>
  chooseVariant({ gpu, order, size, buffers: {} as never, options: {} });

/** A kernel that is off in its last bit of k. */
const breaks =
  (broken: MatmulVariant): VariantRunner =>
  (gpu, variant, { size, ...rest }, buffers) => {
    const k = variant === broken && rest.order === "nt" ? size.k - 4 : size.k;
    runVariant(gpu, variant, { ...rest, size: { ...size, k } }, buffers);
  };

/** The shared device as a host's, which compiles what it compiled before no second time. */
const guest = async (): Promise<Gpu> => Gpu.from((await sharedGpu()).device);

async function withGpu(tuning: Tuning, use: (gpu: Gpu) => Promise<void> | void): Promise<void> {
  using gpu = await guest();
  await tuning.prepare(gpu);
  await use(gpu);
}

const fileFor = async (entries: Record<string, MatmulVariant>) =>
  makeTuningFile(await guest(), new Map(Object.entries(entries)));

/** A device with matrix units, as far as choices look at it. */
const matrixDevice = (device: string): Gpu => {
  const words = { vendor: "nvidia", architecture: "hopper", device, description: "NVIDIA: 550.54" };
  return {
    info: { ...words, software: false, subgroupSize: 32, matrixSides: { m: 16, n: 16, k: 16 } },
    features: new Set(["shader-f16", "subgroups", "chromium-experimental-subgroup-matrix"]),
    limits: {
      maxComputeInvocationsPerWorkgroup: 1024,
      maxComputeWorkgroupSizeX: 1024,
      maxComputeWorkgroupStorageSize: 32_768,
    },
  } as unknown as Gpu;
};

describe("tuning", () => {
  test("a key has the order, the mask, the kind of rows, and sizes to the nearest power of two", () => {
    expect(workloadKey({ order: "nt", masked: false, size: { m: 197, n: 192, k: 768 } })).toBe("nt 8x8x10");
    expect(workloadKey({ order: "nt", masked: true, size: { m: 197, n: 192, k: 767 } })).toBe(
      "nt masked ragged 8x8x10",
    );
    expect(workloadKey({ order: "nn", masked: false, size: { m: 8, n: 8, k: 8, batch: 3 } })).toBe("nn 3x3x3x2");
    const keys = vitWorkloads().map((each) => workloadKey(each.workload));
    expect(new Set(keys).size).toBe(keys.length);
  });

  test("devices of one driver are told apart", () => {
    const [one, other] = ["H100", "H200"].map((name) => makeTuningFile(matrixDevice(name), new Map()).device);
    expect(one).not.toBe(other);
  });

  test("matrix units take no squared weights and no path scores, which f16 would lose", () => {
    const gpu = matrixDevice("H100");
    choose(gpu, { matmul: new Map([[workloadKey(workload), "subgroup matrix"]]) });
    const call = { gpu, order: workload.order, size: workload.size, buffers: {} as never, options: {} };
    expect(chooseVariant(call)).toBe("subgroup matrix");
    expect(chooseVariant({ ...call, options: { weightAs: "square" } })).not.toBe("subgroup matrix");
    expect(chooseVariant({ ...call, buffers: { scored: {} } as never })).not.toBe("subgroup matrix");
  });

  test("a kernel that computes wrongly is refused, and the fastest of the others taken", async () => {
    using gpu = await guest();
    const tuned = await tuneMatmul(gpu, workload, { variants: [SMALL, "tile"], run: breaks(SMALL) });
    expect(tuned.refused).toEqual([SMALL]);
    expect(tuned.variant).toBe("tile");
    expect(tuned.milliseconds).toBeGreaterThan(0);
  });

  test("a pinned choice is taken for its products and no others", async () => {
    await withGpu(pinnedTuning(await fileFor({ [workloadKey(workload)]: SMALL })), (gpu) => {
      expect(chosen(gpu, workload)).toBe(SMALL);
      expect(chosen(gpu, { ...workload, order: "nn" })).not.toBe(SMALL);
      expect(chosen(gpu, { ...workload, size: { m: 200, n: 40, k: 40 } })).not.toBe(SMALL);
    });
  });

  test("a device is opened with its choices", async () => {
    const prepared: Gpu[] = [];
    using gpu = await Gpu.create({ tuning: { prepare: async (opened) => void prepared.push(opened) } });
    expect(prepared).toEqual([gpu]);
  });

  test("a pinned kernel that computes wrongly here is refused with a warning", async () => {
    const warn = vi.spyOn(console, "warn").mockImplementation(() => {});
    const file = await fileFor({ [workloadKey(workload)]: SMALL });
    await withGpu(pinnedTuning(file, { run: breaks(SMALL) }), (gpu) => {
      expect(chosen(gpu, workload)).not.toBe(SMALL);
    });
    expect(warn).toHaveBeenCalledOnce();
    warn.mockRestore();
  });

  test("what is pinned must be for this device and these kernels", async () => {
    const file = await fileFor({});
    for (const wrong of [
      null,
      {},
      { ...file, format: "2" },
      { ...file, matmul: { "nt 3x3x3": "fast" } },
      { ...file, matmul: { "3x3x3": "tile" } },
    ]) {
      expect(() => pinnedTuning(wrong)).toThrow(FormatError);
    }
    for (const wrong of [
      { ...file, device: "another" },
      { ...file, kernels: "0" },
    ]) {
      await expect(withGpu(pinnedTuning(wrong), () => {})).rejects.toThrow(/tuning: expected choices for/);
    }
  });

  test("lazily, a product is tuned at the next await, and later runs know", async () => {
    await inOwnCache(async () => {
      await withGpu(lazyTuning({ variants: [SMALL] }), async (gpu) => {
        using _scope = gpu.scope();
        const [a, b, out] = [0, 1, 2].map(() => gpu.allocate(4 * 40 * 40));
        matmul(gpu, "nt", { a, b, out }, workload.size);
        expect(chosen(gpu, workload)).not.toBe(SMALL);
        await gpu.sync();
        expect(chosen(gpu, workload)).toBe(SMALL);
      });
      await withGpu(cachedTuning(), (gpu) => expect(chosen(gpu, workload)).toBe(SMALL));
    });
  });

  test("a cache that is no tuning file is passed over with one warning", async () => {
    await inOwnCache(async () => {
      await withGpu(lazyTuning({ variants: [SMALL] }), async (gpu) => {
        chosen(gpu, workload);
        await gpu.sync();
      });
      const read = vi.spyOn(platform, "readCache").mockResolvedValue('{"format": "half');
      const warn = vi.spyOn(console, "warn").mockImplementation(() => {});
      await withGpu(cachedTuning(), (gpu) => expect(chosen(gpu, workload)).not.toBe(SMALL));
      expect(warn).toHaveBeenCalledOnce();
      for (const spy of [read, warn]) spy.mockRestore();
    });
  });

  test("two trainings with a pinned choice are equal bit for bit", async () => {
    const qkv: MatmulWorkload = { order: "nt", masked: false, size: { m: 40, n: 48, k: 16 } };
    const keys = [qkv, { ...qkv, order: "nn", size: { m: 40, n: 16, k: 48 } } as const].map(workloadKey);
    const file = await fileFor({ [keys[0]]: SMALL, [keys[1]]: "tile 64x64x16/8x4", "tn 6x4x5": SMALL });
    const results: unknown[] = [];
    for (let run = 0; run < 2; run++) {
      await withGpu(pinnedTuning(file), async (gpu) => {
        expect(chosen(gpu, qkv)).toBe(SMALL);
        const model = tinyViT(gpu, 7);
        const options = { epochs: 1, batchSize: 8, learningRate: 1e-3, seed: 5 };
        using trainer = new Trainer(model, quadrantData(16, 2), options);
        await trainer.run();
        results.push(await model.parameters.read());
        model.release();
      });
    }
    expect(results[1]).toEqual(results[0]);
  });
});
