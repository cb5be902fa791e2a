/** What a user should know of numbers that came out, in one sentence each. */
import { integer } from "../report/format.js";

/** Of scores: none when all are numbers. */
export const scoreWarnings = (nan: number): string[] =>
  nan > 0 ? [`${integer(nan)} scores are no numbers: gradients overflowed. Their units rank above all others.`] : [];

/** Of a model's answers: none when all logits are finite. */
export const logitWarnings = (label: string, nonFinite = 0): string[] =>
  nonFinite > 0
    ? [`The ${label} gave logits that are not finite for ${integer(nonFinite)} images, which count as wrong.`]
    : [];
