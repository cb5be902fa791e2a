/** How fast models are, measured by themselves: forward passes on images that lie on the device. */
import { type Model, ModelRecording } from "../nn/index.js";
import { Tensor, withoutHistory } from "../tensor/index.js";

/** Passes of each model are measured for so long, and at least so many: the first ones compile kernels and fill caches. */
const [SECONDS, LEAST] = [0.5, 5];

/** A forward pass of a model on a batch of zeros, recorded, and the seconds that the fastest one took. */
class TimedPass implements Disposable {
  fastest = Number.POSITIVE_INFINITY;
  readonly #images: Tensor;
  readonly #forward: ModelRecording<Tensor>;

  constructor(
    private readonly model: Model,
    batchSize: number,
  ) {
    this.#images = Tensor.zeros(model.gpu, [batchSize, ...model.sampleShape]);
    this.#forward = new ModelRecording(model, () => withoutHistory(() => model.forward(this.#images).logits));
  }

  async run(): Promise<void> {
    const start = performance.now();
    await this.#forward.replay().read();
    this.fastest = Math.min(this.fastest, (performance.now() - start) / 1000);
  }

  [Symbol.dispose](): void {
    this.#forward.release();
    this.model.gpu.release(this.#images);
  }
}

/**
 * Images a second of each model in batches: of its fastest pass, as other work on the machine only ever adds time. Models take turns, so that such work
 * meets all of them.
 */
export async function imagesPerSecond(models: readonly Model[], batchSize: number): Promise<number[]> {
  const passes: TimedPass[] = [];
  try {
    for (const model of models) passes.push(new TimedPass(model, batchSize));
    const end = performance.now() + SECONDS * 1000 * passes.length;
    for (let turn = 0; turn < LEAST || performance.now() < end; turn++) for (const pass of passes) await pass.run();
    return passes.map(({ fastest }) => batchSize / fastest);
  } finally {
    for (const pass of passes) pass[Symbol.dispose]();
  }
}
