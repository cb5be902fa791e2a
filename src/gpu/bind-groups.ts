/** Bind groups, each made once. They keep their buffers alive, so every sink of commands has a cache of its own, which ends with it. */
import { BoundedMap } from "./bounded-map.js";
import { bufferId, type GpuBuffer } from "./buffer.js";
import { label } from "./label.js";
import { paramsByteLength } from "./params.js";
import type { Pipeline } from "./pipelines.js";

const MAX_POOLED = 8192;
/** Fewer for buffers of the host, which may come anew with every frame and would be kept from collection. */
const MAX_BORROWED = 512;

export class BindGroupCache {
  readonly #pooled = new BoundedMap<GPUBindGroup>(MAX_POOLED);
  readonly #borrowed = new BoundedMap<GPUBindGroup>(MAX_BORROWED);

  constructor(private readonly device: GPUDevice) {}

  get size(): number {
    return this.#pooled.size + this.#borrowed.size;
  }

  /** A bind group of these buffers, in the order of the shader's bindings. */
  get(pipeline: Pipeline, buffers: readonly GpuBuffer[], params?: GPUBuffer): GPUBindGroup {
    let key = `${pipeline.id}`;
    if (params) key += `:${bufferId(params)}`;
    for (const { raw, byteOffset, byteLength } of buffers) key += `,${bufferId(raw)}+${byteOffset}#${byteLength}`;
    const groups = buffers.every(({ pool }) => pool) ? this.#pooled : this.#borrowed;
    let group = groups.get(key);
    if (!group) {
      group = this.#create(pipeline, buffers, params);
      groups.set(key, group);
    }
    return group;
  }

  #create({ shader, layout, label: name }: Pipeline, buffers: readonly GpuBuffer[], params?: GPUBuffer): GPUBindGroup {
    const entries: GPUBindGroupEntry[] = buffers.map(({ raw, byteOffset, byteLength }, index) => ({
      binding: shader.bindings[index].binding,
      resource: { buffer: raw, offset: byteOffset, size: byteLength },
    }));
    if (params) entries.push({ binding: 0, resource: { buffer: params, size: paramsByteLength(shader) } });
    return this.device.createBindGroup({ label: label(name), layout, entries });
  }

  /** For when buffers are destroyed. */
  clear(): void {
    this.#pooled.clear();
    this.#borrowed.clear();
  }
}
