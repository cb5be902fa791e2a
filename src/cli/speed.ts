/** How fast a model is, measured by itself: forward passes on images that lie on the device. */
import { type Model, ModelRecording } from "../nn/index.js";
import { Tensor, withoutHistory } from "../tensor/index.js";

/** The first passes compile kernels and fill caches. */
const WARM_UP = 2;
/** Passes are measured for so long, and at least so many. */
const [SECONDS, LEAST] = [0.5, 3];

/** Images a second in batches: of the fastest pass, as other work on the machine only ever adds time. */
export async function imagesPerSecond(model: Model, batchSize: number): Promise<number> {
  const images = Tensor.zeros(model.gpu, [batchSize, ...model.sampleShape]);
  using forward = new ModelRecording(model, () => withoutHistory(() => model.forward(images).logits));
  const pass = async () => {
    const start = performance.now();
    await forward.replay().read();
    return (performance.now() - start) / 1000;
  };
  for (let i = 0; i < WARM_UP; i++) await pass();
  const times: number[] = [];
  const end = performance.now() + SECONDS * 1000;
  while (times.length < LEAST || performance.now() < end) times.push(await pass());
  model.gpu.release(images);
  return batchSize / Math.min(...times);
}
