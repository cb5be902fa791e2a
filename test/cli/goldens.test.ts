/** Numbers of PyTorch, through the command line. */
import { readFileSync } from "node:fs";
import { afterAll, describe, expect, it } from "vitest";
import { parseSafetensors } from "../../src/io/index.js";
import { missing, sharedPath } from "../harness/shared.js";
import { cliJson, Workplace } from "./harness.js";

const place = new Workplace();
afterAll(() => place[Symbol.dispose]());

const CRITERIA = {
  snip: "abs_gradsum_times_weight",
  taylor: "sum_abs_grad_times_weight",
  "taylor-squared": "sum_squared_grad_times_weight",
  fisher: "obd_fisher",
};

const floats = (path: string): Map<string, Float32Array> =>
  new Map(
    [...parseSafetensors(readFileSync(path), path).tensors].flatMap(([name, { dtype, data }]) =>
      dtype === "F32" ? [[name, data as Float32Array] as const] : [],
    ),
  );

const largestDifference = (a: Float32Array, b: Float32Array): number =>
  a.reduce((largest, value, i) => Math.max(largest, Math.abs(value - b[i])), 0);

describe.each(["vit-a", "vit-odd", "vit-long"])("%s", (name) => {
  const reason = missing(`goldens/${name}`);
  const golden = (file: string) => sharedPath(`goldens/${name}/${file}`);
  const data = golden("io.safetensors");
  const title = (text: string) => (reason ? `${text} (${reason})` : text);

  it.skipIf(reason)(title("eval: logits within 1e-5"), async () => {
    const out = place.path("logits.safetensors");
    await cliJson(["eval", sharedPath(`goldens/${name}`), "--data", data, "--logits", out]);
    expect(largestDifference(floats(out).get("logits")!, floats(data).get("logits")!)).toBeLessThan(1e-5);
  });

  it.skipIf(reason).each(Object.entries(CRITERIA))(
    title("saliency %s: within 1e-4 of the largest"),
    async (criterion, file) => {
      const { batch } = JSON.parse(readFileSync(golden("config.json"), "utf8"));
      const out = place.path("scores.safetensors");
      const args = ["--criterion", criterion, "--calibration", data, "--batch", String(batch), "--out", out];
      await cliJson(["saliency", sharedPath(`goldens/${name}`), ...args]);
      const [got, want] = [floats(out), floats(golden(`${file}.safetensors`))];
      expect([...got.keys()].sort()).toEqual([...want.keys()].sort());
      for (const [parameter, expected] of want) {
        const largest = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
        expect(largestDifference(got.get(parameter)!, expected), parameter).toBeLessThanOrEqual(1e-4 * largest);
      }
    },
  );
});
