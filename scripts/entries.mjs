/** The modules of the package: what users may import, and what `package.json` or another module names. The exports map lists the same. */
export const publicEntries = {
  index: "src/index.ts",
  gpu: "src/gpu/index.ts",
  kernels: "src/kernels/index.ts",
  tensor: "src/tensor/index.ts",
  nn: "src/nn/index.ts",
  train: "src/train/index.ts",
  prune: "src/prune/index.ts",
  io: "src/io/index.ts",
  node: "src/io/node/index.ts",
};

const internalEntries = {
  cli: "src/cli/main.ts",
  peers: "bench/peers/child.ts",
  "platform.node": "src/gpu/platform.node.ts",
  "platform.web": "src/gpu/platform.web.ts",
};

/** What is bundled: of the kernels, the module that looks at names as well. Declarations and API pages are those of `publicEntries`. */
export const bundledEntries = { ...publicEntries, ...internalEntries, kernels: "src/kernels/checked.gen.ts" };
