import { expect, it } from "vitest";
import { Interrupted } from "../../src/cli/failure.js";
import { logitWarnings, scoreWarnings } from "../../src/cli/warnings.js";
import type { Gpu } from "../../src/gpu/index.js";
import { cli, Workplace } from "./harness.js";

it("leaves work behind that does not stop at the signal", async () => {
  using place = new Workplace();
  const controller = new AbortController();
  const openGpu = () => {
    controller.abort(new Interrupted("SIGINT", 130));
    return new Promise<Gpu>(() => {});
  };
  const args = ["eval", place.model(), "--data", place.data(), "--json"];
  const { exitCode, stdout, stderr } = await cli(args, { openGpu, signal: controller.signal });
  expect(exitCode).toBe(130);
  expect(stderr).toBe("secateur: interrupted; nothing is half-written\n");
  expect(JSON.parse(stdout)).toEqual({ error: "interrupted; nothing is half-written" });
});

it("warns of what is no number, and of nothing else", () => {
  expect(scoreWarnings(0)).toEqual([]);
  expect(scoreWarnings(1200)).toEqual([expect.stringContaining("1,200 scores are no numbers")]);
  expect(logitWarnings("model", 0)).toEqual([]);
  expect(logitWarnings("pruned model", 3)).toEqual([
    "The pruned model gave logits that are not finite for 3 images, which count as wrong.",
  ]);
});
