/** Second derivatives over the graph that `defineOp` leaves behind: exact Hessian-vector products, forward over reverse. */
import { ShapeError } from "../errors.js";
import { Accumulator } from "./accumulator.js";
import { Gradients, requireTracked, topologicalOrder } from "./backward.js";
import type { Inputs } from "./tape.js";
import { Tensor } from "./tensor.js";
import { onesLike } from "./terms.js";

/** What `hessianVectorProduct` returns; both have an entry for every leaf with `requiresGradient` that the loss depends on. */
export interface HessianVectorProduct {
  readonly gradients: Gradients;
  /** H v by leaf. */
  readonly products: Gradients;
}

/** The change of a gradient that the tangents of an operation's inputs cause. */
type Curvature = (gradient: Tensor) => Inputs;

/**
 * The gradient g of the scalar `loss`, and the product H v of its Hessian with `directions` v: the derivative of g when each leaf moves along its
 * direction (Pearlmutter, "Fast exact multiplication by the Hessian", 1994). Leaves without a direction stay. One sweep forward takes the tangents of
 * all results, one sweep back carries each gradient together with its tangent. Recordable like `backward`; sums have a fixed order, so two runs give
 * the same bits.
 *
 * The graph's tangents stay in memory until the sweep back has passed them: about as much as the activations that the forward pass keeps. Nine matrix
 * products are taken where a loss and its gradients take three; a ViT of width 128 with 64 tokens needs 4.4 times their time on lavapipe.
 *
 * @throws ShapeError when `loss` is no scalar or depends on no such leaf, or a direction has another shape than its leaf; KernelError when an
 * operation that a tangent meets has no second derivatives.
 */
export function hessianVectorProduct(loss: Tensor, directions: ReadonlyMap<Tensor, Tensor>): HessianVectorProduct {
  requireTracked("hessianVectorProduct", loss);
  if (loss.size !== 1) {
    throw new ShapeError(`hessianVectorProduct: expected a scalar, got [${loss.shape}]; reduce it`);
  }
  checkDirections(directions);
  const order = topologicalOrder(loss);
  const { tangents, curvatures } = sweepForward(order, directions);
  const gradients = new Accumulator();
  const products = new Accumulator();
  const leafGradients = new Map<Tensor, Tensor>();
  const leafProducts = new Map<Tensor, Tensor>();
  gradients.add(loss, onesLike(loss));
  for (const tensor of order.reverse()) {
    const gradient = gradients.take(tensor);
    if (!gradient) continue;
    const product = products.take(tensor);
    if (!tensor.node) {
      leafGradients.set(tensor, gradient);
      leafProducts.set(tensor, product ?? Tensor.zeros(tensor.gpu, tensor.shape));
      continue;
    }
    const { inputs, backward } = tensor.node;
    gradients.addAll(inputs, backward(gradient, {}));
    if (product) products.addAll(inputs, backward(product, {}));
    products.addAll(inputs, curvatures.get(tensor)?.(gradient) ?? {});
    gradients.done(gradient);
    if (product) products.done(product);
    const tangent = tangents.take(tensor);
    if (tangent) tangents.done(tangent);
  }
  return { gradients: new Gradients(leafGradients), products: new Gradients(leafProducts) };
}

/** Tangents of everything that moves with the directions. Those of leaves are the directions themselves and never given back. */
function sweepForward(order: readonly Tensor[], directions: ReadonlyMap<Tensor, Tensor>) {
  const tangents = new Accumulator();
  const curvatures = new Map<Tensor, Curvature>();
  for (const tensor of order) {
    if (!tensor.node) {
      const direction = directions.get(tensor);
      if (direction) tangents.add(tensor, direction);
      continue;
    }
    const moving = Object.entries(tensor.node.inputs).flatMap(([name, input]) => {
      const tangent = input && tangents.get(input);
      return tangent ? [[name, tangent] as const] : [];
    });
    if (moving.length === 0) continue;
    const { out, backward } = tensor.node.tangent(Object.fromEntries(moving));
    tangents.add(tensor, out);
    curvatures.set(tensor, backward);
  }
  return { tangents, curvatures };
}

function checkDirections(directions: ReadonlyMap<Tensor, Tensor>): void {
  for (const [leaf, direction] of directions) {
    if (!leaf.requiresGradient) {
      throw new ShapeError(
        "hessianVectorProduct: expected directions of leaves with requiresGradient, got one of another tensor",
      );
    }
    if (direction.size !== leaf.size) {
      throw new ShapeError(
        `hessianVectorProduct: expected a direction of shape [${leaf.shape}], got [${direction.shape}]`,
      );
    }
  }
}
