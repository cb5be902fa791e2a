/** How fast models are, measured by themselves: forward passes on images that lie on the device. */
import { type Model, ModelRecording } from "../nn/index.js";
import { Tensor, withoutHistory } from "../tensor/index.js";

/** Each model is measured for so many seconds, and at least so often: the first passes compile kernels and fill caches. */
const [SECONDS, LEAST] = [0.5, 5];
/** Short passes follow one another for about so many seconds before anyone waits, as batches of a stream of images do. */
const STREAM_SECONDS = 0.1;

/** A forward pass of a model on a batch of zeros, recorded, and the seconds that it took at its fastest. */
class TimedPass implements Disposable {
  fastest = Number.POSITIVE_INFINITY;
  #passes = 1;
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
    for (let pass = 1; pass < this.#passes; pass++) this.#forward.replay();
    await this.#forward.replay().read();
    this.fastest = Math.min(this.fastest, (performance.now() - start) / 1000 / this.#passes);
    this.#passes = Math.max(1, Math.floor(STREAM_SECONDS / this.fastest));
  }

  [Symbol.dispose](): void {
    this.#forward.release();
    this.model.gpu.release(this.#images);
  }
}

/**
 * Images a second of each model in batches: of its fastest passes, as other work on the machine only ever adds time. Models take turns, so that such work
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
