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
  /** Why it does not compile, once the device has said so. */
  fault: Error | undefined;
}

/** @throws the fault of a kernel that is known not to compile. */
export function assertCompiles({ fault }: Pipeline): void {
  if (fault) throw fault;
}

export class PipelineCache {
  readonly #layouts = new Map<ShaderSource, { bindGroup: GPUBindGroupLayout; pipeline: GPUPipelineLayout }>();
  readonly #pipelines = new Map<ShaderSource, Map<string, Pipeline>>();
  /** Pipelines of which the device has not yet said whether they compile. */
  readonly #unproved = new Set<Promise<void>>();
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
    const module = this.device.createShaderModule({ label: label(name), code: specialize(shader, constants) });
    return { label: label(name), layout: this.#layout(shader).pipeline, compute: { module, entryPoint: "main" } };
  }

  #store(shader: ShaderSource, key: string, raw: GPUComputePipeline): Pipeline {
    const layout = this.#layout(shader).bindGroup;
    const pipeline: Pipeline = {
      shader,
      raw,
      label: pipelineName(shader, key),
      layout,
      id: this.#nextId++,
      fault: undefined,
    };
    const variants = this.#pipelines.get(shader) ?? new Map<string, Pipeline>();
    variants.set(key, pipeline);
    this.#pipelines.set(shader, variants);
    return pipeline;
  }

  /** What `make` makes, and what the device says of it: nothing where it is valid, or where the device is lost. */
  #validated<T>(make: () => T): [made: T, said: Promise<string | undefined>] {
    const end = () =>
      this.device.popErrorScope().then(
        (error) => error?.message,
        () => undefined,
      );
    this.device.pushErrorScope("validation");
    try {
      return [make(), end()];
    } catch (error) {
      end();
      throw error;
    }
  }

  /** The pipeline of a shader with the given constants; compiled on first use. @throws KernelError for one that is known not to compile. */
  get(shader: ShaderSource, constants: Constants): Pipeline {
    const key = constantsKey(constants);
    const found = this.#pipelines.get(shader)?.get(key);
    if (found) {
      assertCompiles(found);
      return found;
    }
    const name = pipelineName(shader, key);
    const [raw, said] = this.#validated(() =>
      this.device.createComputePipeline(this.#descriptor(shader, constants, name)),
    );
    const pipeline = this.#store(shader, key, raw);
    const proof = said.then((message) => {
      this.#unproved.delete(proof);
      if (message === undefined) return;
      pipeline.fault = compileFault(shader, name, message);
      this.faults.report(pipeline.fault);
    });
    this.#unproved.add(proof);
    return pipeline;
  }

  /** Resolves when the device has said of every pipeline whether it compiles. */
  async settled(): Promise<void> {
    await Promise.all(this.#unproved);
  }

  /** Compiles without blocking; several at once are compiled in parallel. @throws KernelError when the kernel does not compile. */
  async warm(shader: ShaderSource, constants: Constants): Promise<void> {
    const key = constantsKey(constants);
    const found = this.#pipelines.get(shader)?.get(key);
    if (found) {
      await this.settled();
      return assertCompiles(found);
    }
    const name = pipelineName(shader, key);
    // the module's fault, which would be reported besides the pipeline's
    const [descriptor, said] = this.#validated(() => this.#descriptor(shader, constants, name));
    try {
      this.#store(shader, key, await this.device.createComputePipelineAsync(descriptor));
    } catch (error) {
      throw compileFault(shader, name, (await said) ?? (error as Error).message);
    }
  }
}

const compileFault = (shader: ShaderSource, name: string, message: string): Error =>
  shader.explain?.(message) ??
  new KernelError(`${name}: expected WGSL that compiles, got "${firstParagraph(message)}"`);

const pipelineName = (shader: ShaderSource, key: string): string => (key ? `${shader.name} {${key}}` : shader.name);

function constantsKey(constants: Constants): string {
  return Object.entries(constants)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name}=${value}`)
    .sort()
    .join(" ");
}
