/** Kernels that have the same limits, drawn in one colour. */

export const FAMILIES = [
  "matmul",
  "attention",
  "convolution",
  "rows",
  "elementwise",
  "selection",
  "other",
  "step",
] as const;

export type Family = (typeof FAMILIES)[number];

export const FAMILY_LABELS: Readonly<Record<Family, string>> = {
  matmul: "matmul",
  attention: "attention",
  convolution: "convolution and pooling",
  rows: "norms, softmax, reductions",
  elementwise: "elementwise, optimizers, saliency",
  selection: "selection and sorting",
  other: "other",
  step: "whole steps",
};

/** By file of test/cases; a file that is not named is "other". */
const FAMILY_OF_FILE: readonly (readonly [RegExp, Family])[] = [
  [/^matmul/, "matmul"],
  [/attention/, "attention"],
  [/^(conv|unfold|pool|place)/, "convolution"],
  [/^(layer-norm|batch-norm|softmax|reduce|cross-entropy|distillation|gradient-norm|moment)/, "rows"],
  [/^(activation|add|cast|dropout|fill|gate|map|mask|optimizer|saliency|random|power-of-two)/, "elementwise"],
  [/^(select|sort|scan|top-k|ranges|sum-of-larger)/, "selection"],
];

export const familyOf = (file: string): Family =>
  FAMILY_OF_FILE.find(([pattern]) => pattern.test(file))?.[1] ?? "other";
