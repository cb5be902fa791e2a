// @ts-check
/**
 * Kernels on data of one's own: a layer with a mask, a step that is replayed, a kernel of one's own, and a device, an encoder and buffers of one's own.
 * Prints how far each result is from plain loops, and how many bytes are in use in the end. docs/kernels.md goes through it.
 */
import { Gpu } from "secateur";
import { openAdapter, shaderFromWgsl } from "secateur/gpu";
import { fragments, matmul, packBits, softmax } from "secateur/kernels";
import { download, upload } from "./host-buffers.js";

const wave = (/** @type {number} */ length, /** @type {number} */ step) =>
  Float32Array.from({ length }, (_, i) => Math.sin(step * (i + 1)));

/**
 * Prints the largest difference between what a kernel and plain loops computed.
 * @param {string} what
 * @param {Float32Array} got
 * @param {(index: number) => number} expected
 */
function compare(what, got, expected) {
  const differences = Array.from(got, (value, index) => Math.abs(value - expected(index)));
  console.log(`${what}: largest difference ${Math.max(...differences).toExponential(1)}`);
}

const [rows, inputs, outputs] = [5, 7, 3];
const x = wave(rows * inputs, 1);
const w = wave(outputs * inputs, 2);
const b = wave(outputs, 3);
const keep = w.map((value) => (Math.abs(value) > 0.5 ? 1 : 0));

/** Row r of x times row o of w, of which `keep` leaves some, plus b. */
const layer = (/** @type {Float32Array} */ from, /** @type {number} */ index) => {
  const [r, o] = [Math.floor(index / outputs), index % outputs];
  let sum = b[o];
  for (let i = 0; i < inputs; i++) sum += from[r * inputs + i] * w[o * inputs + i] * keep[o * inputs + i];
  return sum;
};

const gpu = await Gpu.create();

/** A buffer that holds the data. */
const filled = (/** @type {Float32Array | Uint32Array} */ data) => {
  const buffer = gpu.allocate(data.byteLength); // bytes; what is in them is undefined
  gpu.upload(buffer, data);
  return buffer;
};

const buffers = {
  a: filled(x), // rows x inputs
  b: filled(w), // outputs x inputs, as order "nt" wants it
  mask: filled(packBits(keep)), // one bit a weight, 1 = keep
  bias: filled(b),
  out: gpu.allocate(4 * rows * outputs),
};
const size = { m: rows, n: outputs, k: inputs };
matmul(gpu, "nt", buffers, size);
compare("layer", await gpu.read(buffers.out), (index) => layer(x, index));

const step = gpu.record(() => matmul(gpu, "nt", buffers, size));
const next = wave(rows * inputs, 4);
gpu.upload(buffers.a, next);
step.replay();
compare("replay", await gpu.read(buffers.out), (index) => layer(next, index));
step.release();

const clip = shaderFromWgsl(
  "clip.wgsl",
  `// y[i] = x[i], but no more than limit
#import grid
const GROUP = 64u;
struct Params { length: u32, limit: f32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(GROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = GROUP * linear_group(group, groups) + lane; // also past 65,535 groups, where id.x ends
  if (i < params.length) { y[i] = min(x[i], params.limit); }
}`,
  fragments,
);
const clipped = gpu.allocate(4 * next.length);
gpu.dispatch(clip, {
  buffers: { x: buffers.a, y: clipped },
  params: { length: next.length, limit: 0.25 },
  groups: Math.ceil(next.length / 64),
});
compare("clip.wgsl", await gpu.read(clipped), (index) => Math.min(next[index], 0.25));

for (const buffer of [...Object.values(buffers), clipped]) gpu.release(buffer);
console.log(`${gpu.memory.inUse} bytes in use`);
gpu.destroy();

const adapter = await openAdapter(); // in a browser also navigator.gpu.requestAdapter()
const device = await adapter.requestDevice();
const logits = upload(device, x);
const shares = upload(device, new Float32Array(x.length));

const guest = Gpu.from(device);
await guest.verify(); // that the device computes
const encoder = device.createCommandEncoder();
guest.recordInto(encoder, () => {
  softmax(guest, { x: guest.borrow(logits), y: guest.borrow(shares) }, { rows, columns: inputs });
});
device.queue.submit([encoder.finish()]);
const got = await download(device, shares);
guest.destroy(); // the device and its buffers stay
compare("own device", got, (index) => {
  const first = index - (index % inputs);
  const sum = x.slice(first, first + inputs).reduce((total, value) => total + Math.exp(value), 0);
  return Math.exp(x[index]) / sum;
});
device.destroy();
