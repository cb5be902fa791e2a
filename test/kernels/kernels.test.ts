/** Every case of test/cases: values against float64, guard words, poisoned outputs, two equal runs. One op alone: `npm test -- -t softmax`. */
import { describe, test } from "vitest";
import { sharedGpu } from "../harness/gpu.js";
import { checkCase, type KernelCase } from "../harness/kernel-case.js";

const files = import.meta.glob<{ cases: KernelCase[] }>("../cases/*.ts", { eager: true });

for (const [path, { cases }] of Object.entries(files)) {
  describe(path.replace(/^.*\/(.*)\.ts$/, "$1"), () => {
    for (const kernelCase of cases) {
      if (kernelCase.benchOnly) continue;
      test(kernelCase.name, async () => checkCase(await sharedGpu(), kernelCase));
    }
  });
}
