/** What image and text towers have in common once both have spoken: cosines, and the loss that makes pairs similar. */
import { add, crossEntropy, l2, linear, map, mean, type Tensor } from "../tensor/index.js";

/** Rows of Euclidean length 1: x / max(|x|, 1e-12). x: [rows, columns]. */
export function unitRows(x: Tensor): Tensor {
  const [rows, columns] = x.shape;
  const length = l2(x, { outer: 1, length: rows, inner: columns });
  const n = { tensor: length, inner: columns };
  const slope = "select(-x / (n * n), 0.0, n < 1e-12)";
  return map("x / max(n, 1e-12)", { x, n }, { x: "1.0 / max(n, 1e-12)", n: slope });
}

/** exp(logScale) a b^T for rows of length 1: a [m, width], b [n, width], logScale [1]; result [m, n]. */
export function similarity(a: Tensor, b: Tensor, logScale: Tensor): Tensor {
  const cosine = linear({ x: a, weight: b, bias: undefined }, {});
  return map("exp(s) * c", { c: cosine, s: logScale }, { c: "exp(s)", s: "exp(s) * c" });
}

/**
 * Symmetric cross entropy of CLIP (Radford et al. 2021, figure 3): each image is to find its text among all texts of the batch, and each text its
 * image. Shape [1]. No text may belong to two images of a batch.
 *
 * @param images - [pairs, width], rows of length 1
 * @param texts - the same of the texts, in the same order
 * @param logScale - [1], the logarithm of the factor on cosines
 * @param order - u32 [pairs]: 0, 1, 2 ...
 */
export function contrastiveLoss(images: Tensor, texts: Tensor, logScale: Tensor, order: Tensor): Tensor {
  const among = (a: Tensor, b: Tensor) =>
    mean(crossEntropy({ logits: similarity(a, b, logScale), labels: order }, { smoothing: 0 }));
  return map("0.5 * x", { x: add(among(images, texts), among(texts, images)) }, { x: "0.5" });
}
