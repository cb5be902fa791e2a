/** The oracles of backward kernels against central differences of the forward oracles. Needs no device. */
import { describe, test } from "vitest";
import type { GradientCase } from "../harness/gradient-case.js";
import { checkGradient } from "../harness/kernel-case.js";

const files = import.meta.glob<{ gradients?: GradientCase[] }>("../cases/*.ts", { eager: true });

for (const [path, { gradients }] of Object.entries(files)) {
  if (!gradients) continue;
  describe(`${path.replace(/^.*\/(.*)\.ts$/, "$1")} gradients`, () => {
    for (const { name, f, at, gradient } of gradients) test(name, () => checkGradient(f, at, gradient(), name));
  });
}
