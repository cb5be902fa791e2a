// @ts-check
/**
 * A host with a device and buffers of its own. Prints how many rows of a layer are zero after kernels in the host's command encoder pruned a quarter of
 * them, the accuracy of a model over the host's buffers with all and with a fifth of its neurons, and how many buffers hold what the host wrote.
 */
import { createModel, criterionByName, Gpu, prune, Tensor } from "secateur";
import { openAdapter } from "secateur/gpu";
import { applyMask, expandMask, mapUnits, maskByteLength, selectSmallest } from "secateur/kernels";
import { accuracy, loadDigits, openMnist } from "./digits.js";
import { download, upload } from "./host-buffers.js";

// Any device will do; kernels are faster with subgroups. openAdapter finds software drivers too.
const adapter = await openAdapter();
const device = await adapter.requestDevice({
  requiredFeatures: adapter.features.has("subgroups") ? ["subgroups"] : [],
});
const { config, weights } = await loadDigits();
const host = Array.from(weights, ([name, { shape, data }]) => ({ name, shape, data, buffer: upload(device, data) }));

const gpu = Gpu.from(device);
await gpu.verify(); // that the device computes, and that its subgroups are what kernels take for granted

// Kernels one by one. Made-up gradients stand for those that the host's own training left in its buffer.
const [layer] = host.filter(({ name }) => name === "blocks.0.mlp.fc1.weight");
const [rows, columns] = layer.shape;
const length = rows * columns;
const madeUp = Float32Array.from({ length }, (_, i) => Math.sin(i));
const gradient = upload(device, madeUp);
const pruned = upload(device, new Float32Array(length));
const encoder = device.createCommandEncoder();
gpu.recordInto(encoder, () => {
  const inputs = { w: { buffer: gpu.borrow(layer.buffer) }, g: { buffer: gpu.borrow(gradient) } };
  const byRow = { length, inner: columns, period: rows };
  const scores = gpu.allocate(4 * rows);
  const keep = gpu.allocate(maskByteLength(rows));
  const mask = gpu.allocate(maskByteLength(length));
  mapUnits(gpu, "abs(g * w)", inputs, { ...byRow, y: scores });
  selectSmallest(gpu, { scores, keep }, { offset: 0, count: rows, prune: rows / 4, ties: "lowest-index" });
  expandMask(gpu, { units: keep, mask }, byRow);
  applyMask(gpu, { x: inputs.w.buffer, mask, y: gpu.borrow(pruned) }, { length });
});
device.queue.submit([encoder.finish()]);
const values = await download(device, pruned);
const zeros = values.filter((value) => value === 0).length / columns;
console.log(`kernels: ${zeros} of ${rows} rows are zero`);

// A whole model, over the host's weights where they lie.
const borrowed = new Map(host.map(({ name, shape, buffer }) => [name, Tensor.borrow(gpu, buffer, shape)]));
const model = createModel(gpu, config, borrowed);
const { calibration, test } = await openMnist(config);
console.log(`dense: ${await accuracy(model, test)}`);
await prune(model, { saliency: criterionByName("taylor"), granularity: "neuron", sparsity: 0.8, calibration });
console.log(`pruned: ${await accuracy(model, test)}`);

// The library's memory goes; the device and its buffers stay.
gpu.destroy();
const held = await Promise.all(
  host.map(async ({ buffer, data }) => (await download(device, buffer)).every((w, i) => w === data[i])),
);
console.log(`${held.filter(Boolean).length} of ${host.length} buffers hold what the host wrote`);
device.destroy();
