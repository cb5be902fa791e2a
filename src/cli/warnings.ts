/** What a user should know of numbers that came out, in one sentence each. */
import type { Dataset } from "../io/dataset.js";
import { integer } from "../report/format.js";

/** Of class folders that were numbered by name although the model's head knows more classes: their numbers may be other classes'. */
export function classWarnings({ source, classNames, numClasses }: Dataset): string[] {
  const numbered = classNames !== undefined && [...classNames.keys()].every((label, index) => label === index);
  if (!numbered || classNames.size >= numClasses) return [];
  const folders = integer(classNames.size);
  return [
    `${source} has ${folders} class folders, taken as classes 0 to ${classNames.size - 1} of ${integer(numClasses)}; if they are others, put a classes.json beside them.`,
  ];
}

/** Of scores: none when all are numbers. */
export const scoreWarnings = (nan: number): string[] =>
  nan > 0 ? [`${integer(nan)} scores are no numbers: gradients overflowed. Their units rank above all others.`] : [];

/** Of a model's answers: none when all logits are finite. */
export const logitWarnings = (label: string, nonFinite = 0): string[] =>
  nonFinite > 0
    ? [`The ${label} gave logits that are not finite for ${integer(nonFinite)} images, which count as wrong.`]
    : [];
