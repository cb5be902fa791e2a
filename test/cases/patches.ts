import { type PatchSize, patchify, patchifyGrad } from "../../src/kernels/patches.js";
import { EXACT } from "../harness/close.js";
import { dot, type GradientCase } from "../harness/gradient-case.js";
import type { KernelCase } from "../harness/kernel-case.js";
import { normals } from "../harness/random.js";

type Numbers = ArrayLike<number>;

/** Visits every pixel: its place in the images and its place in the patches. */
function places({ batch, channels, height, width, patch }: PatchSize, visit: (image: number, patches: number) => void) {
  let at = 0;
  for (let n = 0; n < batch; n++)
    for (let top = 0; top < height; top += patch)
      for (let left = 0; left < width; left += patch)
        for (let c = 0; c < channels; c++)
          for (let y = top; y < top + patch; y++)
            for (let x = left; x < left + patch; x++) visit(((n * channels + c) * height + y) * width + x, at++);
}

function forward(images: Numbers, size: PatchSize): Float64Array {
  const patches = new Float64Array(images.length);
  places(size, (image, patch) => {
    patches[patch] = images[image];
  });
  return patches;
}

function backward(dPatches: Numbers, size: PatchSize): Float64Array {
  const dImages = new Float64Array(dPatches.length);
  places(size, (image, patch) => {
    dImages[image] = dPatches[patch];
  });
  return dImages;
}

const sizes: (PatchSize & { benchOnly?: boolean })[] = [
  { batch: 1, channels: 1, height: 1, width: 1, patch: 1 },
  { batch: 2, channels: 3, height: 10, width: 15, patch: 5 },
  { batch: 3, channels: 2, height: 8, width: 12, patch: 4 },
  { batch: 2, channels: 1, height: 28, width: 28, patch: 7 },
  { batch: 8, channels: 3, height: 224, width: 224, patch: 16, benchOnly: true },
];

export const cases: KernelCase[] = sizes.flatMap(({ benchOnly, ...size }): KernelCase[] => {
  const length = size.batch * size.channels * size.height * size.width;
  const shape = `${size.batch}x${size.channels}x${size.height}x${size.width}, patch ${size.patch}`;
  const common = { tolerance: EXACT, bytes: 8 * length, benchOnly };
  return [
    {
      name: `patchify ${shape}`,
      inputs: () => ({ images: normals(length, 1) }),
      outputs: { patches: { length } },
      run: (gpu, { images, patches }, storage) => patchify(gpu, { images, patches }, size, { storage }),
      float16: ["images", "patches"],
      oracle: ({ images }) => ({ patches: forward(images, size) }),
      ...common,
    },
    {
      name: `patchifyGrad ${shape}`,
      inputs: () => ({ dPatches: normals(length, 2) }),
      outputs: { dImages: { length } },
      run: (gpu, { dPatches, dImages }) => patchifyGrad(gpu, { dPatches, dImages }, size),
      oracle: ({ dPatches }) => ({ dImages: backward(dPatches, size) }),
      ...common,
    },
  ];
});

const size = { batch: 1, channels: 2, height: 4, width: 6, patch: 2 };
const dPatches = normals(48, 3);
export const gradients: GradientCase[] = [
  {
    name: "patchify",
    f: (images) => dot(forward(images, size), dPatches),
    at: normals(48, 4),
    gradient: () => backward(dPatches, size),
  },
];
