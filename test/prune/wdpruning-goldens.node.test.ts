/** WDPruning's binarizer, masked layers and Lagrangian against the authors' modules, forward and backward: the goldens `wdpruning-*`, whatever seed they have. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { beforeAll, describe, expect, test } from "vitest";
import type { Gpu } from "../../src/gpu/index.js";
import { parseSafetensors } from "../../src/io/index.js";
import { publishedBudget } from "../../src/prune/search/wdpruning-budget.js";
import { backward, gate, linear, parameterBudget, Tensor, topKMask } from "../../src/tensor/index.js";
import { mismatch } from "../harness/close.js";
import { sharedGpu } from "../harness/gpu.js";
import { missing, sharedPath } from "../harness/shared.js";

const ROUND_TO = 16;
const TOLERANCE = { atol: 1e-5, rtol: 1e-5 };

interface Cases {
  readonly binarizer: readonly { i: number; n: number; threshold: number; kept: number }[];
  readonly linear: readonly { i: number; out: number; kind: "fc" | "head"; heads: number }[];
  readonly lagrangian: readonly {
    i: number;
    target_remaining: number;
    lambda1: number;
    lambda2: number;
    loss: number;
  }[];
  readonly head_dim: number;
}

const root = sharedPath("goldens");
const names = existsSync(root) ? readdirSync(root).filter((name) => name.startsWith("wdpruning-")) : ["wdpruning-a"];

for (const name of names) checkModules(`goldens/${name}`);

function checkModules(folder: string): void {
  const skip = missing(folder);
  const { head_dim, ...cases }: Cases = skip
    ? { binarizer: [], linear: [], lagrangian: [], head_dim: 0 }
    : JSON.parse(readFileSync(sharedPath(`${folder}/cases.json`), "utf8"));

  describe.skipIf(skip)(`${folder}${skip ? ` (${skip})` : ""}`, () => {
    let gpu: Gpu;
    let tensors: ReturnType<typeof parseSafetensors>["tensors"];
    beforeAll(async () => {
      gpu = await sharedGpu();
      const path = sharedPath(`${folder}/cases.safetensors`);
      tensors = parseSafetensors(readFileSync(path), path).tensors;
    });

    const golden = (name: string) => tensors.get(name)!.data as Float32Array;
    const wanted = (tensor: Tensor) => {
      tensor.requiresGradient = true;
      return tensor;
    };
    const leaf = (name: string) => wanted(Tensor.from(gpu, golden(name), tensors.get(name)!.shape));
    const expectClose = async (got: Tensor | undefined, name: string) => {
      expect(got, name).toBeDefined();
      expect(mismatch(await got!.read(), golden(name), TOLERANCE), name).toBeUndefined();
    };

    test.each(cases.binarizer)("binarizer $i: $kept of $n", async ({ i, n, threshold, kept }) => {
      const name = (part: string) => `binarizer.${i}.${part}`;
      const scores = leaf(name("scores"));
      const thresholds = wanted(Tensor.from(gpu, Float32Array.of(threshold)));
      const mask = topKMask(scores, thresholds, [{ offset: 0, count: n, roundTo: ROUND_TO }]);
      const gradients = backward(mask, leaf(name("grad_out")));
      expect((await mask.read()).reduce((sum, bit) => sum + bit, 0)).toBe(kept);
      await expectClose(mask, name("mask"));
      await expectClose(gradients.get(scores), name("grad_scores"));
      await expectClose(gradients.get(thresholds), name("grad_threshold"));
    });

    test.each(cases.linear)("masked linear $i: $kind, $out rows", async ({ i, out, kind, heads }) => {
      const name = (part: string) => `linear.${i}.${part}`;
      const ofHeads = kind === "head";
      const [scoresName, thresholdName] = ofHeads
        ? ["head_saliency_scores", "threshold_head"]
        : ["saliency_scores", "threshold_fc"];
      const [x, weight, bias, scores, thresholds] = ["x", "weight", "bias", scoresName, thresholdName].map((part) =>
        leaf(name(part)),
      );
      const units = ofHeads ? heads : out;
      const mask = topKMask(scores, thresholds, [{ offset: 0, count: units, roundTo: ROUND_TO }]);
      const y = gate(linear({ x, weight, bias }, {}), mask, ofHeads ? head_dim : 1);
      const gradients = backward(y, leaf(name("grad_y")));
      await expectClose(y, name("y"));
      await expectClose(gradients.get(x), name("grad_x"));
      await expectClose(gradients.get(weight), name("grad.weight"));
      await expectClose(gradients.get(bias), name("grad.bias"));
      await expectClose(gradients.get(scores), name(`grad.${scoresName}`));
      await expectClose(gradients.get(thresholds), name(`grad.${thresholdName}`));
    });

    test.each(cases.lagrangian)("Lagrangian $i: $target_remaining stays", async ({ i, loss, ...budget }) => {
      const name = (part: string) => `lagrangian.${i}.${part}`;
      const thresholds = leaf(name("thresholds"));
      const lambdas = wanted(Tensor.from(gpu, Float32Array.of(budget.lambda1, budget.lambda2)));
      const depth = thresholds.shape[0];
      const penalty = parameterBudget(thresholds, lambdas, publishedBudget(depth, budget.target_remaining));
      const gradients = backward(penalty);
      expect((await penalty.read())[0]).toBeCloseTo(loss, 6);
      await expectClose(gradients.get(thresholds), name("grad_thresholds"));
      await expectClose(gradients.get(lambdas), name("grad_lambda"));
    });
  });
}
