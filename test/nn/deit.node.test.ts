/** The real DeiT-tiny on real photographs against PyTorch's logits. */
import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import type { ViTConfig } from "../../src/io/index.js";
import { loadModel, openDataset } from "../../src/io/node/index.js";
import { ViT } from "../../src/nn/index.js";
import { Tensor, withoutHistory } from "../../src/tensor/index.js";
import { sharedGpu } from "../harness/gpu.js";
import { missing, sharedPath } from "../harness/shared.js";

interface Reference {
  readonly image: string;
  readonly top5: [number, number][];
  readonly logits_first8: number[];
}

const skip = missing("data/deit-tiny") ?? missing("data/imagenette-val");

test("DeiT-tiny gives PyTorch's logits, within the levels by which JPEG decoders differ", async (context) => {
  if (skip) context.skip(skip);
  const gpu = await sharedGpu();
  const { config, weights } = await loadModel(sharedPath("data/deit-tiny"));
  const folder = sharedPath("data/imagenette-val");
  const data = await openDataset(folder, config);
  const { reference } = JSON.parse(readFileSync(sharedPath("data/deit-tiny/reference.json"), "utf8")) as {
    reference: Reference[];
  };
  const files = readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name)
    .sort()
    .flatMap((name) => readdirSync(`${folder}/${name}`).sort());
  const model = new ViT(gpu, config as ViTConfig, weights);
  for (const { image, top5, logits_first8: first } of reference) {
    using _scope = gpu.scope();
    const pixels = await data.read([files.indexOf(image)]);
    const logits = await withoutHistory(() => model.forward(Tensor.from(gpu, pixels, [1, 3, 224, 224])).logits).read();
    first.forEach((want, index) => {
      expect(Math.abs(logits[index] - want), `${image}, class ${index}`).toBeLessThan(0.02);
    });
    const best = [...logits.keys()].sort((a, b) => logits[b] - logits[a]).slice(0, 5);
    expect(best).toEqual(top5.map(([label]) => label));
  }
  model.release();
});
