/** What a parameter does in a network, by its name: paths multiply the values of some, and others add to what is on its way. */
import type { Parameter } from "../../nn/index.js";

/** Learned inputs: tokens that take part beside those of the image. */
export const isToken = ({ name }: Parameter): boolean => name.endsWith("_token");

/** Biases, shifts of norms and positions: what is added, whatever comes in. */
export const isAdded = ({ name }: Parameter): boolean =>
  name.endsWith(".bias") || name.endsWith(".running_mean") || name === "pos_embed";

/** Statistics that batch norms divide by. */
export const isVariance = ({ name }: Parameter): boolean => name.endsWith(".running_var");
