/** Pipelines, layouts and bind groups, each made once. Layouts are explicit: Dawn reuses such pipelines, never those with `layout: "auto"`. */
import { bufferId, type GpuBuffer } from "./buffer.js";
import type { FaultLog } from "./faults.js";
import { paramsByteLength } from "./params.js";
import { type Constants, type ShaderSource, specialize } from "./shader.js";

const MAX_BIND_GROUPS = 8192;

export interface Pipeline {
  readonly raw: GPUComputePipeline;
  readonly label: string;
  readonly layout: GPUBindGroupLayout;
  readonly id: number;
}

export class PipelineCache {
  readonly #layouts = new Map<ShaderSource, { bindGroup: GPUBindGroupLayout; pipeline: GPUPipelineLayout }>();
  readonly #pipelines = new Map<ShaderSource, Map<string, Pipeline>>();
  readonly #bindGroups = new Map<string, GPUBindGroup>();
  #nextId = 1;

  constructor(
    private readonly device: GPUDevice,
    private readonly faults: FaultLog,
  ) {}

  /** Number of compiled pipelines, for tests that nothing is rebuilt. */
  get pipelineCount(): number {
    let count = 0;
    for (const variants of this.#pipelines.values()) count += variants.size;
    return count;
  }

  get bindGroupCount(): number {
    return this.#bindGroups.size;
  }

  #layout(shader: ShaderSource) {
    let layout = this.#layouts.get(shader);
    if (!layout) {
      const visibility = GPUShaderStage.COMPUTE;
      const entries: GPUBindGroupLayoutEntry[] = shader.bindings.map(({ binding, access }) => ({
        binding,
        visibility,
        buffer: { type: access === "read" ? "read-only-storage" : "storage" },
      }));
      if (shader.params.length > 0) {
        const minBindingSize = paramsByteLength(shader);
        entries.push({ binding: 0, visibility, buffer: { type: "uniform", hasDynamicOffset: true, minBindingSize } });
      }
      const bindGroup = this.device.createBindGroupLayout({ label: shader.name, entries });
      const pipeline = this.device.createPipelineLayout({ label: shader.name, bindGroupLayouts: [bindGroup] });
      layout = { bindGroup, pipeline };
      this.#layouts.set(shader, layout);
    }
    return layout;
  }

  #descriptor(shader: ShaderSource, constants: Constants, label: string): GPUComputePipelineDescriptor {
    if (shader.explain) this.faults.explain(label, shader.explain);
    const module = this.device.createShaderModule({ label, code: specialize(shader, constants) });
    return { label, layout: this.#layout(shader).pipeline, compute: { module, entryPoint: "main" } };
  }

  #store(shader: ShaderSource, key: string, raw: GPUComputePipeline, label: string): Pipeline {
    const pipeline = { raw, label, layout: this.#layout(shader).bindGroup, id: this.#nextId++ };
    const variants = this.#pipelines.get(shader) ?? new Map<string, Pipeline>();
    variants.set(key, pipeline);
    this.#pipelines.set(shader, variants);
    return pipeline;
  }

  /** The pipeline of a shader with the given constants; compiled on first use. */
  get(shader: ShaderSource, constants: Constants): Pipeline {
    const key = constantsKey(constants);
    const found = this.#pipelines.get(shader)?.get(key);
    if (found) return found;
    const label = key ? `${shader.name} {${key}}` : shader.name;
    return this.#store(
      shader,
      key,
      this.device.createComputePipeline(this.#descriptor(shader, constants, label)),
      label,
    );
  }

  /** Compiles without blocking; several at once are compiled in parallel. */
  async warm(shader: ShaderSource, constants: Constants): Promise<void> {
    const key = constantsKey(constants);
    if (this.#pipelines.get(shader)?.has(key)) return;
    const label = key ? `${shader.name} {${key}}` : shader.name;
    const raw = await this.device.createComputePipelineAsync(this.#descriptor(shader, constants, label));
    this.#store(shader, key, raw, label);
  }

  /** A bind group of these buffers, in the order of the shader's bindings. */
  bindGroup(shader: ShaderSource, pipeline: Pipeline, buffers: readonly GpuBuffer[], params?: GPUBuffer): GPUBindGroup {
    let key = `${pipeline.id}`;
    if (params) key += `:${bufferId(params)}`;
    for (const { raw, byteOffset, byteLength } of buffers) key += `,${bufferId(raw)}+${byteOffset}#${byteLength}`;
    const found = this.#bindGroups.get(key);
    if (found) return found;
    const entries: GPUBindGroupEntry[] = buffers.map(({ raw, byteOffset, byteLength }, index) => ({
      binding: shader.bindings[index].binding,
      resource: { buffer: raw, offset: byteOffset, size: byteLength },
    }));
    if (params) entries.push({ binding: 0, resource: { buffer: params, size: paramsByteLength(shader) } });
    const group = this.device.createBindGroup({ label: pipeline.label, layout: pipeline.layout, entries });
    if (this.#bindGroups.size >= MAX_BIND_GROUPS) this.forgetBindGroups();
    this.#bindGroups.set(key, group);
    return group;
  }

  /** Bind groups keep their buffers alive: forget them when buffers are destroyed. */
  forgetBindGroups(): void {
    this.#bindGroups.clear();
  }
}

function constantsKey(constants: Constants): string {
  return Object.entries(constants)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name}=${value}`)
    .sort()
    .join(" ");
}
