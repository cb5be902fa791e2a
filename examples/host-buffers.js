// @ts-check
/** What a host does with its own buffers on its own device, in plain WebGPU. */

/**
 * @param {GPUDevice} device
 * @param {Float32Array} data
 */
export function upload(device, data) {
  const { STORAGE, COPY_SRC, COPY_DST } = GPUBufferUsage;
  const usage = STORAGE | COPY_SRC | COPY_DST;
  const buffer = device.createBuffer({ size: data.byteLength, usage, mappedAtCreation: true });
  new Float32Array(buffer.getMappedRange()).set(data);
  buffer.unmap();
  return buffer;
}

/**
 * @param {GPUDevice} device
 * @param {GPUBuffer} buffer
 */
export async function download(device, buffer) {
  const { MAP_READ, COPY_DST } = GPUBufferUsage;
  const staging = device.createBuffer({ size: buffer.size, usage: MAP_READ | COPY_DST });
  const encoder = device.createCommandEncoder();
  encoder.copyBufferToBuffer(buffer, 0, staging, 0, buffer.size);
  device.queue.submit([encoder.finish()]);
  await staging.mapAsync(GPUMapMode.READ);
  const data = new Float32Array(staging.getMappedRange().slice(0));
  staging.destroy();
  return data;
}
