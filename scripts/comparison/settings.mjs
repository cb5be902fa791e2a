/** What is compared, under which conditions. Results bear these along; whoever changes one measures anew. */

/** Of initial weights, of the order of training data, and of what methods draw. */
export const SEEDS = [1, 2, 3];

/** The same images for all seeds. */
export const CALIBRATION = { examplesPerClass: 10, batchSize: 100 };

/** In the order of tables and legends. */
export const METHODS = ["px", "synflow", "synflow-l2", "snip", "grasp", "ntk-sap", "magnitude", "imp", "random"];

/** The net that is not pruned, trained like the others. */
export const DENSE = "dense";

/**
 * `training` follows pruning, in every cell alike. IMP trains beforehand, as long in all of its rounds together. Learning rates were
 * chosen once, with the dense nets of seed 1. Methods that `rounds` does not name have one.
 */
export const SETTINGS = {
  before: {
    title: "Pruned before training",
    model: "demo/digits",
    start: "random",
    sparsities: [0.5, 0.8, 0.9, 0.95, 0.98],
    rounds: { px: 100, synflow: 100, "synflow-l2": 100, "ntk-sap": 20, imp: 3 },
    training: { images: 2048, epochs: 1, batchSize: 32, learningRate: 3e-3 },
    testImages: 1000,
  },
  after: {
    title: "Pruned after training",
    model: "demo/digits",
    start: "trained",
    sparsities: [0.5, 0.8, 0.9, 0.95, 0.98],
    rounds: { px: 100, synflow: 100, "synflow-l2": 100, "ntk-sap": 20, imp: 3 },
    training: { images: 1280, epochs: 1, batchSize: 32, learningRate: 1e-3 },
    testImages: 1000,
  },
  lenet: {
    title: "LeNet-300-100, pruned before training",
    model: "lenet_300_100",
    start: "random",
    sparsities: [0.95],
    rounds: { px: 100, synflow: 100, "synflow-l2": 100, "ntk-sap": 100, imp: 3 },
    training: { images: 60000, epochs: 2, batchSize: 128, learningRate: 2e-3 },
    testImages: 10000,
  },
};
