import { ShapeError } from "../../errors.js";
import { patchifyGrad, patchify as patchifyKernel } from "../../kernels/patches.js";
import {
  assembleTokens as assembleKernel,
  assembleTokensGrad,
  meanTokens as meanKernel,
  meanTokensGrad,
  takeToken as takeKernel,
  takeTokenGrad,
} from "../../kernels/tokens.js";
import { defineOp } from "../op.js";
import { storageOf, Tensor } from "../tensor.js";

function patchSize(images: Tensor, patch: number) {
  const [batch, channels, height, width] = images.shape;
  if (images.shape.length !== 4 || height % patch !== 0 || width % patch !== 0) {
    throw new ShapeError(
      `patchify: expected images [N, C, H, W] with sides in steps of ${patch}, got [${images.shape}]`,
    );
  }
  return { batch, channels, height, width, patch };
}

const cut = defineOp({
  name: "patchify",
  float16: ["images"],
  forward(gpu, { images }: { images: Tensor }, patch: number) {
    const size = patchSize(images, patch);
    const tokens = (size.height / patch) * (size.width / patch);
    const out = Tensor.empty(gpu, [size.batch, tokens, size.channels * patch * patch], images.type);
    patchifyKernel(gpu, { images, patches: out }, size, storageOf(images));
    return { out, saved: undefined };
  },
  backward({ gpu, inputs: { images }, attributes: patch, gradient }) {
    const dImages = Tensor.empty(gpu, images.shape);
    patchifyGrad(gpu, { dPatches: gradient, dImages }, patchSize(images, patch));
    return { images: dImages };
  },
  tangent: "linear",
});

/** Square patches as rows: [N, C, H, W] -> [N, tokens, C * patch * patch], in the order of a convolution's weight. */
export const patchify = (images: Tensor, patch: number): Tensor => cut({ images }, patch);

/** What the first block of a ViT works on, before it is put together. */
export interface TokenInputs {
  readonly [name: string]: Tensor | undefined;
  readonly patches: Tensor;
  /** Class (and distillation) token, [prefixTokens, width]. */
  readonly prefix: Tensor | undefined;
  /** [prefixTokens + tokens, width] */
  readonly position: Tensor;
}

const tokenSize = (patches: Tensor, prefix: Tensor | undefined) => {
  const [batch, tokens, width] = patches.shape;
  return { batch, tokens, width, prefixTokens: prefix ? prefix.size / width : 0 };
};

/** concat(prefix, patches[b]) + position for each example b. patches: [batch, tokens, width]. @throws ShapeError */
export const assembleTokens = defineOp({
  name: "assembleTokens",
  float16: ["patches"],
  forward(gpu, { patches, prefix, position }: TokenInputs, _: undefined) {
    const size = tokenSize(patches, prefix);
    const total = size.prefixTokens + size.tokens;
    if (position.size !== total * size.width) {
      throw new ShapeError(
        `assembleTokens: expected a position embedding of [${total}, ${size.width}], got [${position.shape}]`,
      );
    }
    const out = Tensor.empty(gpu, [size.batch, total, size.width], patches.type);
    assembleKernel(gpu, { patches, prefix, position, out }, size, storageOf(patches));
    return { out, saved: undefined };
  },
  backward({ gpu, inputs: { patches, prefix, position }, gradient }) {
    const dPatches = Tensor.empty(gpu, patches.shape);
    const dPrefix = prefix && Tensor.empty(gpu, prefix.shape);
    const dPosition = Tensor.empty(gpu, position.shape);
    assembleTokensGrad(gpu, { dOut: gradient, dPatches, dPrefix, dPosition }, tokenSize(patches, prefix));
    return { patches: dPatches, prefix: dPrefix, position: dPosition };
  },
  tangent: "linear",
});

const threeAxes = (x: Tensor) => {
  const [batch, tokens, width] = x.shape;
  return { batch, tokens, width };
};

const take = defineOp({
  name: "takeToken",
  float16: ["x"],
  forward(gpu, { x }: { x: Tensor }, token: number) {
    const size = threeAxes(x);
    const out = Tensor.empty(gpu, [size.batch, size.width], x.type);
    takeKernel(gpu, { x, y: out }, { ...size, token }, storageOf(x));
    return { out, saved: undefined };
  },
  backward({ gpu, inputs: { x }, attributes: token, gradient }) {
    const dX = Tensor.empty(gpu, x.shape);
    takeTokenGrad(gpu, { dy: gradient, dx: dX }, { ...threeAxes(x), token });
    return { x: dX };
  },
  tangent: "linear",
});

/** One token of each example: [batch, tokens, width] -> [batch, width]. */
export const takeToken = (x: Tensor, token: number): Tensor => take({ x }, token);

const average = defineOp({
  name: "meanTokens",
  float16: ["x"],
  forward(gpu, { x }: { x: Tensor }, from: number) {
    const size = threeAxes(x);
    const out = Tensor.empty(gpu, [size.batch, size.width], x.type);
    meanKernel(gpu, { x, y: out }, { ...size, from, to: size.tokens }, storageOf(x));
    return { out, saved: undefined };
  },
  backward({ gpu, inputs: { x }, attributes: from, gradient }) {
    const dX = Tensor.empty(gpu, x.shape);
    const size = threeAxes(x);
    meanTokensGrad(gpu, { dy: gradient, dx: dX }, { ...size, from, to: size.tokens });
    return { x: dX };
  },
  tangent: "linear",
});

/** Mean over the tokens from index `from` on: [batch, tokens, width] -> [batch, width]. */
export const meanTokens = (x: Tensor, from: number): Tensor => average({ x }, from);
