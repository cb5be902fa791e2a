/** DeiT-tiny on photographs, as PyTorch has it: a quarter of an hour on a software driver, so only when SECATEUR_SLOW=1 asks for it. */
import { cpSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { missing, sharedPath } from "../harness/shared.js";
import { cliJson, Workplace } from "./harness.js";

const reason =
  process.env.SECATEUR_SLOW !== "1"
    ? "SECATEUR_SLOW=1 is not set"
    : (missing("data/deit-tiny") ?? missing("data/imagenette-val"));
const title = (text: string) => (reason ? `${text} (${reason})` : text);

const place = new Workplace();
afterAll(() => place[Symbol.dispose]());
const model = sharedPath("data/deit-tiny");
const images = sharedPath("data/imagenette-val");
const CALIBRATION_IMAGES = 10;

/** The first images of each class, and the others. */
function split(): { calibration: string; rest: string } {
  const [calibration, rest] = [place.path("calibration"), place.path("rest")];
  for (const entry of readdirSync(images, { withFileTypes: true })) {
    const from = join(images, entry.name);
    if (!entry.isDirectory()) {
      for (const folder of [calibration, rest]) cpSync(from, join(folder, entry.name));
      continue;
    }
    for (const [index, file] of readdirSync(from).sort().entries()) {
      cpSync(join(from, file), join(index < CALIBRATION_IMAGES ? calibration : rest, entry.name, file));
    }
  }
  return { calibration, rest };
}

describe("DeiT-tiny on Imagenette", () => {
  it.skipIf(reason)(title("top-1 within 0.4 points"), async () => {
    const { top1 } = await cliJson(["eval", model, "--data", images]);
    expect(Math.abs(100 * top1 - 68.4)).toBeLessThanOrEqual(0.4);
  });

  it.skipIf(reason).each([
    ["0.3", 69],
    ["0.4", 71.25],
    ["0.5", 65.5],
    ["0.6", 55.25],
  ])(title("pruned by taylor-squared at %s: top-1 within 1.5 points of %d"), async (sparsity, expected) => {
    const { calibration, rest } = split();
    const method = ["--method", "taylor-squared", "--sparsity", sparsity, "--batch", "10"];
    const data = ["--calibration", calibration, "--data", rest, "--out", place.path(`pruned-${sparsity}`)];
    const { accuracy } = await cliJson(["prune", model, ...method, ...data]);
    expect(accuracy.pruned.examples).toBe(400);
    expect(Math.abs(100 * accuracy.pruned.top1 - expected)).toBeLessThanOrEqual(1.5);
  });
});
