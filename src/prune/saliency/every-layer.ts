import type { Protection } from "../units.js";

/** What the PX authors' code does with every method that it has: all linear and convolutional weights are pruned, first and last layer included. */
export const EVERY_LAYER: Protection = { embedding: false, classifier: false };
