/** The k-th smallest values that torch.kthvalue found, with ties, infinities, signed zeros, denormals and a wide range: exact. */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { parseSafetensors } from "../../src/io/safetensors.js";
import { unpackBits } from "../../src/kernels/bits.js";
import { type SelectionRange, selectSmallest } from "../../src/kernels/select.js";
import { sharedGpu } from "../harness/gpu.js";
import { missing, sharedPath } from "../harness/shared.js";

interface Golden {
  readonly name: string;
  readonly n: number;
  readonly k: number;
  readonly kth_value: number;
  /** Values up to the k-th, which are more than k where there are ties. */
  readonly pruned_le: number;
}

const folder = "goldens/kth-a";
const absent = missing(folder);

async function select(scores: Float32Array, prune: number, ties: SelectionRange["ties"]) {
  const gpu = await sharedGpu();
  using _scope = gpu.scope();
  const count = scores.length;
  const buffers = {
    scores: gpu.allocate(count * 4),
    keep: gpu.allocate(Math.ceil(count / 32) * 4),
    threshold: gpu.allocate(8),
  };
  gpu.upload(buffers.scores, scores);
  selectSmallest(gpu, buffers, { offset: 0, count, prune, ties });
  const keep = unpackBits(await gpu.read(buffers.keep, Uint32Array), count);
  const result = await gpu.read(buffers.threshold, Uint32Array);
  const [threshold] = new Float32Array(result.buffer, result.byteOffset, 1);
  return { keep, threshold, pruned: result[1] };
}

/** Index of the first bit that differs, or -1; vitest takes seconds to compare a million elements. */
const firstDifference = (got: Uint8Array, want: (index: number) => boolean) =>
  got.findIndex((bit, index) => bit !== Number(want(index)));

if (absent) test.skip(`k-th values of torch (${absent})`);
else
  describe("k-th values of torch", () => {
    const cases: Golden[] = JSON.parse(readFileSync(sharedPath(`${folder}/cases.json`), "utf8"));
    const file = parseSafetensors(readFileSync(sharedPath(`${folder}/inputs.safetensors`)), "inputs.safetensors");

    test.each(cases)("$name: $k of $n", async ({ name, n, k, kth_value, pruned_le }) => {
      const scores = file.tensors.get(name)!.data as Float32Array;
      expect(scores.length).toBe(n);

      const upTo = await select(scores, k, "less-or-equal");
      expect(upTo.threshold).toBe(kth_value);
      expect(upTo.pruned).toBe(pruned_le);
      expect(firstDifference(upTo.keep, (i) => scores[i] > kth_value)).toBe(-1);

      const exact = await select(scores, k, "lowest-index");
      expect(exact.threshold).toBe(kth_value);
      expect(exact.pruned).toBe(k);
      let ties = k - scores.filter((score) => score < kth_value).length;
      const kept = (i: number) => scores[i] > kth_value || (scores[i] === kth_value && ties-- <= 0);
      expect(firstDifference(exact.keep, kept)).toBe(-1);
    });
  });
