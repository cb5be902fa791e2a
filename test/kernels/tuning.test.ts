/** Choices of kernels: keys, the self-test, pinned, kept and lazy ones. Speed is no assertion. */
import { describe, expect, test, vi } from "vitest";
import { platform } from "#platform";
import { FormatError, UsageError } from "../../src/errors.js";
import { Gpu, type Tuning } from "../../src/gpu/index.js";
import {
  cachedTuning,
  lazyTuning,
  type MatmulWorkload,
  makeTuningFile,
  matmul,
  pinnedTuning,
  shippedTuning,
  tunedChoices,
  tuneMatmul,
  vitWorkloads,
  workloadKey,
} from "../../src/kernels/index.js";
import { chooseVariant, type MatmulVariant } from "../../src/kernels/matmul-variant.js";
import { choose } from "../../src/kernels/tuning/choices.js";
import { type CacheKind, cacheName } from "../../src/kernels/tuning/kept.js";
import { readMarks, writeMarks } from "../../src/kernels/tuning/marks.js";
import { measureVariants } from "../../src/kernels/tuning/measure.js";
import { proves } from "../../src/kernels/tuning/prove.js";
import { runVariant, type VariantRunner } from "../../src/kernels/tuning/run-variant.js";
import { untunedVariant } from "../../src/kernels/tuning/tune.js";
import { Trainer } from "../../src/train/index.js";
import { inOwnCache } from "../harness/cache.js";
import { sharedGpu } from "../harness/gpu.js";
import { uniforms } from "../harness/random.js";
import { quadrantData, tinyViT } from "../harness/tiny-vit.js";

const workload: MatmulWorkload = { order: "nt", masked: false, size: { m: 40, n: 40, k: 40 } };
const SMALL: MatmulVariant = "tile 32x32x8/4x4";

/** What `matmul` would run. */
const chosen = (gpu: Gpu, { order, size }: MatmulWorkload): MatmulVariant =>
  chooseVariant({ gpu, order, size, buffers: {} as never, options: {} });

type Run = Parameters<VariantRunner>;

/** What kernels may get wrong, by what they leave out. */
const faults: Record<string, (...run: Run) => Run> = {
  "the end of k": (gpu, variant, workload, ...rest) => {
    const { size } = workload;
    return [gpu, variant, { ...workload, size: { ...size, k: size.k - 4 } }, ...rest];
  },
  "the second of a batch": (gpu, variant, workload, ...rest) => {
    return [gpu, variant, { ...workload, size: { ...workload.size, batch: 1 } }, ...rest];
  },
  "the mask": (gpu, variant, workload, buffers, options) => {
    return [gpu, variant, workload, { ...buffers, mask: undefined }, options];
  },
  "the residual": (gpu, variant, workload, buffers, options) => {
    return [gpu, variant, workload, { ...buffers, residual: undefined }, options];
  },
  "the activation": (gpu, variant, workload, buffers) => [gpu, variant, workload, buffers, {}],
};

/** A kernel that leaves out the end of k. */
const breaks =
  (...broken: MatmulVariant[]): VariantRunner =>
  (...run) =>
    runVariant(...(broken.includes(run[1]) && run[2].order === "nt" ? faults["the end of k"](...run) : run));

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

  test.each(["nn", "nt", "tn"] as const)("the self-test sees what a kernel of order %s leaves out", async (order) => {
    using gpu = await guest();
    const masked: MatmulWorkload = { order, masked: true, size: { m: 5, n: 5, k: 5 } };
    const variant = chosen(gpu, masked);
    expect(await proves(gpu, variant, masked)).toBe(true);
    const seen = order === "nt" ? Object.keys(faults) : ["the end of k", "the second of a batch"];
    for (const name of seen) {
      const run: VariantRunner = (...args) => runVariant(...faults[name](...args));
      expect(await proves(gpu, variant, masked, run), name).toBe(false);
    }
  });

  test("a kernel that cannot be recorded, such as one that is known not to compile, is left out of timings", async (context) => {
    using gpu = await guest();
    if (gpu.info.matrixSides) context.skip("every kernel runs here");
    const small: MatmulWorkload = { order: "nn", masked: false, size: { m: 32, n: 32, k: 32 } };
    const times = await measureVariants(gpu, small, ["tile", "subgroup matrix"]);
    expect(times.map(([variant]) => variant)).toEqual(["tile"]);
  });

  test("what passed the self-test is not tested again on the same driver", async () => {
    await inOwnCache(async () => {
      const dispatches: number[] = [];
      for (let run = 0; run < 2; run++) {
        await withGpu(shippedTuning(), (gpu) => void dispatches.push(gpu.counters.dispatches));
      }
      expect(dispatches[0]).toBeGreaterThan(0);
      expect(dispatches[1]).toBe(0);
    });
  });

  test("marks are added to those that another process has written meanwhile", async () => {
    await inOwnCache(async () => {
      const gpu = await guest();
      const of = { kind: "proofs", format: "test", kernels: "0" } as const;
      const names = ["passed", "refused"] as const;
      const [one, other] = [await readMarks(gpu, of, names), await readMarks(gpu, of, names)];
      one.passed.add("a");
      await writeMarks(gpu, of, one);
      other.passed.add("b");
      other.refused.add("c");
      await writeMarks(gpu, of, other);
      expect(await readMarks(gpu, of, names)).toEqual({ passed: new Set(["a", "b"]), refused: new Set(["c"]) });
      await writeMarks(gpu, { ...of, kernels: "1" }, one);
      expect(await readMarks(gpu, of, names)).toEqual({ passed: new Set(), refused: new Set() });
    });
  });

  test("where what ships computes wrongly, a portable kernel takes its place", async () => {
    const warn = vi.spyOn(console, "warn").mockImplementation(() => {});
    const shipped = untunedVariant(await guest(), workload);
    await withGpu(shippedTuning({ run: breaks(shipped) }), (gpu) => {
      expect(chosen(gpu, workload)).toBe(SMALL);
      expect(tunedChoices(gpu)).toEqual({ matmul: {}, fallback: SMALL });
    });
    expect(warn).toHaveBeenCalledOnce();
    warn.mockRestore();
    await expect(withGpu(shippedTuning({ run: () => {} }), () => {})).rejects.toThrow(/use another adapter/);
  });

  test("the fastest kernel is refused where it computes wrongly", async () => {
    using gpu = await guest();
    const tuned = await tuneMatmul(gpu, workload, { variants: [SMALL], run: breaks(SMALL) });
    expect(tuned.refused).toEqual([SMALL]);
    expect(tuned.variant).toBe("tile");
    expect(tuned.milliseconds).toBeGreaterThan(0);
  });

  test("whoever waits sees how far a search is, and may end it", async () => {
    using gpu = await guest();
    const variants: MatmulVariant[] = [SMALL, "tile 64x64x16/8x4"];
    const parts: number[] = [];
    const { inUse } = gpu.memory;
    await tuneMatmul(gpu, workload, { variants, onProgress: (part) => void parts.push(part) });
    expect(parts).toEqual([0.5, 1]);
    const controller = new AbortController();
    const onProgress = () => controller.abort(new Error("enough"));
    await expect(tuneMatmul(gpu, workload, { variants, onProgress, signal: controller.signal })).rejects.toThrow(
      "enough",
    );
    expect(gpu.memory.inUse).toBe(inUse);
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

  test.each<[tuning: unknown, got: string]>([
    ["cached", 'got "cached"; pass one of these, or leave the option out'],
    [true, "got true; pass one of these, or leave the option out"],
    [{}, "got Object; pass one of these, or leave the option out"],
    [cachedTuning, "got a function; call it, as cachedTuning()"],
  ])("a device is not opened with a tuning that is none: %s", async (tuning, got) => {
    const expected = "what cachedTuning(), lazyTuning(), pinnedTuning(file) or shippedTuning() returns";
    await expect(Gpu.create({ tuning: tuning as Tuning })).rejects.toThrow(
      new UsageError(`Gpu.create: tuning: expected ${expected}, ${got}`),
    );
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

  test.each<[name: string, isWrong: (size: MatmulWorkload["size"]) => boolean]>([
    ["rows of the result are no whole vec4", ({ n }) => n % 4 !== 0],
    ["sums are shorter than its key says", ({ k }) => k < 32],
    ["sums are longer than its key says", ({ k }) => k > 32],
  ])("a pinned kernel that computes wrongly only where %s is refused", async (_, isWrong) => {
    const warn = vi.spyOn(console, "warn").mockImplementation(() => {});
    const file = await fileFor({ [workloadKey(workload)]: SMALL });
    // In its place what ships, which is compiled.
    const right: VariantRunner = (gpu, _, ...rest) => runVariant(gpu, untunedVariant(gpu, workload), ...rest);
    const wrong: VariantRunner = (...run) =>
      right(...(run[1] === SMALL && isWrong(run[2].size) ? faults["the end of k"](...run) : run));
    await withGpu(pinnedTuning(file, { run: right }), (gpu) => expect(chosen(gpu, workload)).toBe(SMALL));
    await withGpu(pinnedTuning(file, { run: wrong }), (gpu) => expect(chosen(gpu, workload)).not.toBe(SMALL));
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
    const words = file.device.split(", ");
    const elsewhere = { ...file, device: [words[0], "elsewhere", ...words.slice(2)].join(", ") };
    const named = pinnedTuning(elsewhere, { source: "a.json", remedy: "take another" });
    await expect(withGpu(named, () => {})).rejects.toThrow(
      `a.json: expected choices for this device, "${words[1]}", got those for "elsewhere"; take another`,
    );
  });

  test.each<[data: unknown, got: string]>([
    ["choices.json", "a string"],
    [new Uint8Array(8), "Uint8Array"],
    [Promise.resolve({}), "Promise"],
    [undefined, "undefined"],
    [[], "Array"],
  ])("what is pinned must be parsed: %s", (data, got) => {
    expect(() => pinnedTuning(data)).toThrow(
      new FormatError(
        `tuning: expected a document of format "secateur tuning 1", got ${got}; pass what JSON.parse makes of the text of a file that secateur tune --out wrote`,
      ),
    );
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

  test("what is recorded keeps its kernel, and tuning stays out of a profile", async () => {
    await inOwnCache(async () => {
      await withGpu(lazyTuning({ variants: [SMALL] }), async (gpu) => {
        using _scope = gpu.scope();
        const [a, b, out] = [1, 2, 3].map((seed) => {
          const buffer = gpu.allocate(4 * 40 * 40);
          gpu.upload(buffer, uniforms(40 * 40, seed, -1, 1));
          return buffer;
        });
        using step = gpu.record(() => matmul(gpu, "nt", { a, b, out }, workload.size));
        if (gpu.features.has("timestamp-query")) {
          const timings = await gpu.profile(() => step.replay());
          expect(timings.map(({ count }) => count)).toEqual([1]);
        } else step.replay();
        const before = await gpu.read(out); // tunes behind it
        expect(chosen(gpu, workload)).toBe(SMALL);
        step.replay();
        expect(await gpu.read(out)).toEqual(before);
      });
    });
  });

  test("what is kept and is none is passed over with one warning, which names it", async () => {
    await inOwnCache(async () => {
      await withGpu(lazyTuning({ variants: [SMALL] }), async (gpu) => {
        chosen(gpu, workload);
        await gpu.sync();
      });
      const read = vi.spyOn(platform, "readCache").mockResolvedValue('{"format": "half');
      const warn = vi.spyOn(console, "warn").mockImplementation(() => {});
      await withGpu(cachedTuning(), async (gpu) => {
        expect(chosen(gpu, workload)).not.toBe(SMALL);
        await cachedTuning().prepare(gpu);
        const place = (kind: CacheKind) => `secateur: ${platform.cachePlace(cacheName(gpu, kind))} is passed over: `;
        expect(warn.mock.calls.flat().sort()).toEqual([
          `${place("attention")}expected marks as JSON, got a text that is none; the self-test runs again`,
          `${place("proofs")}expected marks as JSON, got a text that is none; the self-test runs again`,
          `${place("tuning")}tuning: expected JSON, got a text that is none; run secateur tune here`,
        ]);
      });
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
