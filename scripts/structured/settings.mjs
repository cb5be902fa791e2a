/** What is removed from DeiT-tiny, by what, and how the rest is trained. Results bear these along; whoever changes one measures anew. */

/** What is ranked together. Sparsities are parts of all parameters of the blocks, whatever units are ranked. */
export const UNITS = {
  both: { title: "neurons and head dimensions", kinds: ["headDim", "neuron"] },
  neurons: { title: "neurons", kinds: ["neuron"] },
  headDims: { title: "dimensions", kinds: ["headDim"] },
  heads: { title: "heads", kinds: ["head"] },
};

/** In the order of tables and legends. UPop's own units are neurons and head dimensions. */
export const METHODS = ["gate-taylor", "upop", "random"];

export const SPARSITIES = [0.1, 0.2, 0.3];

/** The first images of each class, for scores, searches and finetuning; the others are for evaluation. */
export const EXAMPLES_PER_CLASS = 10;

/** Short: a laptop's budget. No augmentation; the classifier knows all classes, the images are of ten. */
export const FINETUNING = { epochs: 2, batchSize: 10, learningRate: 3e-5, warmup: 0.1, seed: 1 };

/** UPop trains while it searches. */
export const SEARCH = { epochs: 4, batchSize: 10, learningRate: 3e-5, warmup: 0.1, seed: 1 };
export const SEARCH_INTERVAL = 4;

/** Cells in the order in which they are measured: the widest comparison first. */
export const cells = () =>
  Object.keys(UNITS).flatMap((units) =>
    METHODS.filter((method) => method !== "upop" || units === "both").flatMap((method) =>
      SPARSITIES.map((sparsity) => ({ units, method, sparsity })),
    ),
  );
