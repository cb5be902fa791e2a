/** Pipelines and their layouts, each made once. Layouts are explicit: Dawn reuses such pipelines, never those with `layout: "auto"`. */
import { KernelError } from "../errors.js";
import { type FaultLog, firstParagraph } from "./faults.js";
import { label } from "./label.js";
import { paramsByteLength } from "./params.js";
import { type Constants, needsFloat16, type ShaderSource, specialize } from "./shader.js";

export interface Pipeline {
  readonly shader: ShaderSource;
  readonly raw: GPUComputePipeline;
  readonly label: string;
  readonly layout: GPUBindGroupLayout;
  readonly id: number;
}

export class PipelineCache {
  readonly #layouts = new Map<ShaderSource, { bindGroup: GPUBindGroupLayout; pipeline: GPUPipelineLayout }>();
  readonly #pipelines = new Map<ShaderSource, Map<string, Pipeline>>();
  #nextId = 1;

  constructor(
    private readonly device: GPUDevice,
    private readonly faults: FaultLog,
  ) {}

  /** Number of pipelines, for tests that nothing is rebuilt. */
  get count(): number {
    let count = 0;
    for (const variants of this.#pipelines.values()) count += variants.size;
    return count;
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
      const bindGroup = this.device.createBindGroupLayout({ label: label(shader.name), entries });
      const pipeline = this.device.createPipelineLayout({ label: label(shader.name), bindGroupLayouts: [bindGroup] });
      layout = { bindGroup, pipeline };
      this.#layouts.set(shader, layout);
    }
    return layout;
  }

  #descriptor(shader: ShaderSource, constants: Constants, name: string): GPUComputePipelineDescriptor {
    if (needsFloat16(constants) && !this.device.features.has("shader-f16")) {
      throw new KernelError(
        `${name}: expected a device with shader-f16, got one without; keep f32 or choose another adapter`,
      );
    }
    if (shader.explain) this.faults.explain(label(name), shader.explain);
    const module = this.device.createShaderModule({ label: label(name), code: specialize(shader, constants) });
    return { label: label(name), layout: this.#layout(shader).pipeline, compute: { module, entryPoint: "main" } };
  }

  #store(shader: ShaderSource, key: string, raw: GPUComputePipeline): Pipeline {
    const layout = this.#layout(shader).bindGroup;
    const pipeline = { shader, raw, label: pipelineName(shader, key), layout, id: this.#nextId++ };
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
    const descriptor = this.#descriptor(shader, constants, pipelineName(shader, key));
    return this.#store(shader, key, this.device.createComputePipeline(descriptor));
  }

  /** Compiles without blocking; several at once are compiled in parallel. @throws KernelError when the kernel does not compile. */
  async warm(shader: ShaderSource, constants: Constants): Promise<void> {
    const key = constantsKey(constants);
    if (this.#pipelines.get(shader)?.has(key)) return;
    const name = pipelineName(shader, key);
    let descriptor: GPUComputePipelineDescriptor;
    let fault: Promise<GPUError | null>;
    this.device.pushErrorScope("validation"); // the module's fault, which would be reported besides the pipeline's
    try {
      descriptor = this.#descriptor(shader, constants, name);
    } finally {
      fault = this.device.popErrorScope().catch(() => null); // rejects when the device is lost
    }
    try {
      this.#store(shader, key, await this.device.createComputePipelineAsync(descriptor));
    } catch (error) {
      const message = (await fault)?.message ?? (error as Error).message;
      throw (
        shader.explain?.(message) ??
        new KernelError(`${name}: expected WGSL that compiles, got "${firstParagraph(message)}"`)
      );
    }
  }
}

const pipelineName = (shader: ShaderSource, key: string): string => (key ? `${shader.name} {${key}}` : shader.name);

function constantsKey(constants: Constants): string {
  return Object.entries(constants)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name}=${value}`)
    .sort()
    .join(" ");
}
