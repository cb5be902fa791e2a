/** Networks whose steps are timed, with a batch of random numbers. */
import type { Gpu } from "../src/gpu/index.js";
import { arrayDataset, type Dataset, inputSpec, type ModelConfig, parseModelConfig } from "../src/io/index.js";
import { architectureOf, type Model } from "../src/nn/index.js";
import { backward, crossEntropy, type Gradients, mean, Tensor } from "../src/tensor/index.js";
import { normals } from "../test/harness/random.js";

/** A network and a batch. */
export interface Setting {
  readonly name: string;
  readonly json: Record<string, unknown>;
  readonly batch: number;
  readonly full?: boolean;
}

const deit = (name: string, embed_dim: number, batch: number, full = true): Setting => ({
  name: `${name}, 224 x 224, batch ${batch}`,
  json: { img_size: 224, patch_size: 16, embed_dim, depth: 12, num_heads: embed_dim / 64, num_classes: 1000 },
  ...{ batch, full },
});

export const SETTINGS: readonly Setting[] = [
  {
    name: "ViT 4 x 64, 16 patches, batch 32",
    json: { img_size: 28, patch_size: 7, in_chans: 1, embed_dim: 64, depth: 4, num_heads: 4, num_classes: 10 },
    batch: 32,
  },
  { name: "ResNet-20, 32 x 32, batch 16", json: { architecture: "resnet20", num_classes: 10 }, batch: 16 },
  { name: "LeNet-300-100, batch 100", json: { architecture: "lenet_300_100" }, batch: 100 },
  deit("DeiT-tiny", 192, 8, false),
  ...[1, 64].map((batch) => deit("DeiT-tiny", 192, batch)),
  ...[1, 8, 64].map((batch) => deit("DeiT-small", 384, batch)),
  ...[1, 8, 64].map((batch) => deit("DeiT-base", 768, batch)),
];

export const configOf = ({ json, name }: Setting): ModelConfig => parseModelConfig(json, name);

/** A model with a batch of random numbers on a device. */
export class BenchNetwork implements Disposable {
  readonly model: Model;
  readonly #images: Tensor;
  readonly #labels: Tensor;

  constructor(
    readonly gpu: Gpu,
    readonly setting: Setting,
  ) {
    const architecture = architectureOf(configOf(setting));
    this.model = architecture.create(gpu, architecture.initialWeights(1));
    this.#images = Tensor.zeros(gpu, [setting.batch, ...this.model.sampleShape]);
    this.#images.write(normals(this.#images.size, 2));
    this.#labels = Tensor.zeros(gpu, [setting.batch], "u32");
  }

  forward(): Tensor {
    return this.model.forward(this.#images).logits;
  }

  gradients(): Gradients {
    return backward(mean(crossEntropy({ logits: this.forward(), labels: this.#labels }, { smoothing: 0 })));
  }

  /** The batch as calibration data. */
  get dataset(): Dataset {
    const spec = inputSpec(configOf(this.setting));
    const { batch } = this.setting;
    const shape = [batch, ...spec.sampleShape];
    const labels = Int32Array.from({ length: batch }, (_, index) => index % spec.numClasses);
    return arrayDataset({ shape, data: normals(this.#images.size, 2), labels }, spec, "random numbers");
  }

  [Symbol.dispose](): void {
    this.model.release();
    for (const tensor of [this.#images, this.#labels]) this.gpu.release(tensor);
  }
}
