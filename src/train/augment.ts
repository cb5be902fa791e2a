/** Random crop and horizontal flip of normalised batches. The draw of a sample depends on (seed, epoch, its index) only. */
import { UsageError } from "../errors.js";
import { keyedGenerator } from "./random.js";

/** Random changes of training images. */
export interface Augmentation {
  /** Pixels of padding on each side before a crop of the original size; 0 for none. */
  readonly cropPadding: number;
  /** Mirror left and right with probability one half. */
  readonly flip: boolean;
}

/** Images as they are. */
export const NO_AUGMENTATION: Augmentation = { cropPadding: 0, flip: false };

const changes = ({ cropPadding, flip }: Augmentation): boolean => cropPadding > 0 || flip;

/** @throws UsageError for samples that are no images, unless they are left as they are. */
export function checkAugmentation(augmentation: Augmentation, sampleShape: readonly number[]): void {
  if (sampleShape.length === 3 || !changes(augmentation)) return;
  throw new UsageError(
    `augmentation: expected samples of [C, H, W] to crop or flip, got [${sampleShape}]; leave it out for this model`,
  );
}

/** Moves and mirrors each [C, H, W] sample of `batch` in place. Pixels from outside are 0, the mean of normalised data. */
export function augment(
  batch: Float32Array,
  shape: readonly number[],
  indices: ArrayLike<number>,
  augmentation: Augmentation,
  key: { readonly seed: number; readonly epoch: number },
): void {
  if (!changes(augmentation)) return;
  const { cropPadding, flip } = augmentation;
  const [channels, height, width] = shape;
  const plane = height * width;
  const source = new Float32Array(plane);
  for (let sample = 0; sample < indices.length; sample++) {
    const random = keyedGenerator(key.seed, key.epoch, indices[sample]);
    const dx = Math.floor(random() * (2 * cropPadding + 1)) - cropPadding;
    const dy = Math.floor(random() * (2 * cropPadding + 1)) - cropPadding;
    const mirror = flip && random() < 0.5;
    for (let channel = 0; channel < channels; channel++) {
      const target = batch.subarray((sample * channels + channel) * plane, (sample * channels + channel + 1) * plane);
      source.set(target);
      for (let y = 0; y < height; y++) {
        for (let x = 0; x < width; x++) {
          const fromX = (mirror ? width - 1 - x : x) + dx;
          const fromY = y + dy;
          const inside = fromX >= 0 && fromX < width && fromY >= 0 && fromY < height;
          target[y * width + x] = inside ? source[fromY * width + fromX] : 0;
        }
      }
    }
  }
}
