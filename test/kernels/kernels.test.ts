/** Every case of test/cases: values against float64, guard words, poisoned outputs, two equal runs. One op alone: `npm test -- -t softmax`. */
import { describe, test } from "vitest";
import { requireFeature, sharedGpu } from "../harness/gpu.js";
import { checkCase, inFloat16, type KernelCase } from "../harness/kernel-case.js";

const files = import.meta.glob<{ cases: KernelCase[] }>("../cases/*.ts", { eager: true });

for (const [path, { cases }] of Object.entries(files)) {
  describe(path.replace(/^.*\/(.*)\.ts$/, "$1"), () => {
    for (const kernelCase of cases.flatMap((each) => (each.float16 ? [each, inFloat16(each)] : [each]))) {
      const { name, needs, benchOnly } = kernelCase;
      if (benchOnly) continue;
      test(name, async (context) => {
        const gpu = await sharedGpu();
        if (needs) requireFeature(gpu, needs, context);
        await checkCase(gpu, kernelCase);
      });
    }
  });
}
