/** A shaped range of device memory, and the graph behind it when gradients are wanted. */
import { ShapeError } from "../errors.js";
import type { BufferOwner, Gpu, GpuBuffer } from "../gpu/index.js";
import { cast } from "../kernels/cast.js";
import { type FloatStorage, storageBytes } from "../kernels/elements.js";
import type { TapeNode } from "./tape.js";

/** Extents, outermost first. */
export type Shape = readonly number[];
/** Masks and labels are u32. f16 is how inference may keep weights and activations, on devices with `shader-f16`; gradients want f32. */
export type ElementType = "f32" | "f16" | "u32";

export const sizeOf = (shape: Shape): number => shape.reduce((product, extent) => product * extent, 1);

/** Values on the host; those of f16 as the bits that `narrowFloat16` of the io room makes. */
export type HostData = Float32Array | Uint32Array | Uint16Array;

const typeOf = (data: HostData): ElementType =>
  data instanceof Uint16Array ? "f16" : data instanceof Uint32Array ? "u32" : "f32";

const bytesOf = (shape: Shape, type: ElementType): number =>
  storageBytes(sizeOf(shape), type === "f16" ? "f16" : "f32");

/** What kernels are told of a tensor of f32 or f16. */
export const storageOf = ({ type }: Tensor): { storage: FloatStorage } => ({ storage: type === "f16" ? "f16" : "f32" });

/** @throws ShapeError where an operation is given f32 along with f16. */
export function requireOneType(op: string, tensors: Readonly<Record<string, Tensor>>): void {
  const [[, { type }], ...others] = Object.entries(tensors);
  if (others.every(([, other]) => other.type === type)) return;
  const got = Object.entries(tensors).map(([name, tensor]) => `${name} of ${tensor.type}`);
  throw new ShapeError(`${op}: expected operands of one type, got ${got.join(" and ")}; cast one`);
}

/** Row-major, contiguous. An element takes four bytes, one of f16 two. */
export class Tensor implements BufferOwner {
  /** The operation that made this tensor; absent on leaves and where no gradient is wanted. */
  node: TapeNode | undefined;

  constructor(
    readonly gpu: Gpu,
    readonly buffer: GpuBuffer,
    readonly shape: Shape,
    readonly type: ElementType = "f32",
    /** Leaves only: whether `backward` returns a gradient for this tensor. */
    public requiresGradient = false,
  ) {
    if (shape.some((extent) => !Number.isInteger(extent) || extent < 1)) {
      throw new ShapeError(`tensor: expected extents of 1 or more, got [${shape}]; empty tensors do not exist`);
    }
    if (bytesOf(shape, type) > buffer.byteLength) {
      throw new ShapeError(
        `tensor [${shape}]: expected ${bytesOf(shape, type)} bytes, got a buffer of ${buffer.byteLength}`,
      );
    }
  }

  /** Uploads host data. The tensor belongs to the open scope, if any. */
  static from(gpu: Gpu, data: HostData, shape: Shape = [data.length]): Tensor {
    if (sizeOf(shape) !== data.length)
      throw new ShapeError(`tensor [${shape}]: expected ${sizeOf(shape)} values, got ${data.length}`);
    const tensor = Tensor.empty(gpu, shape, typeOf(data));
    tensor.write(data);
    return tensor;
  }

  /** Content undefined: for kernels that write every element. */
  static empty(gpu: Gpu, shape: Shape, type: ElementType = "f32"): Tensor {
    return new Tensor(gpu, gpu.allocate(bytesOf(shape, type)), shape, type);
  }

  static zeros(gpu: Gpu, shape: Shape, type: ElementType = "f32"): Tensor {
    const tensor = Tensor.empty(gpu, shape, type);
    gpu.clear(tensor.buffer);
    return tensor;
  }

  /** Uses the host's buffer without a copy; it is never destroyed here. */
  static borrow(gpu: Gpu, raw: GPUBuffer, shape: Shape, byteOffset = 0, type: ElementType = "f32"): Tensor {
    return new Tensor(gpu, gpu.borrow(raw, byteOffset, bytesOf(shape, type)), shape, type);
  }

  get size(): number {
    return sizeOf(this.shape);
  }

  /** True when a gradient has to flow to or through this tensor. */
  get tracked(): boolean {
    return this.requiresGradient || this.node !== undefined;
  }

  write(data: HostData): void {
    if (data.length !== this.size)
      throw new ShapeError(`tensor [${this.shape}]: expected ${this.size} values, got ${data.length}`);
    if ((typeOf(data) === "f16") !== (this.type === "f16"))
      throw new ShapeError(
        `tensor [${this.shape}]: expected values of ${this.type}, got ${typeOf(data)}; convert them`,
      );
    this.gpu.upload(this.buffer, data);
  }

  /** Waits for the device and copies the values to the host, those of f16 as f32. */
  async read(): Promise<Float32Array> {
    if (this.type === "f16") return this.#readWidened();
    const all = await this.gpu.read(this.buffer);
    return all.length === this.size ? all : all.slice(0, this.size);
  }

  async #readWidened(): Promise<Float32Array> {
    const wide = Tensor.empty(this.gpu, this.shape);
    try {
      cast(this.gpu, { x: this, y: wide }, { length: this.size, from: "f16", to: "f32" });
      return await wide.read();
    } finally {
      this.gpu.release(wide);
    }
  }

  /** The same for u32 tensors, such as masks and labels. */
  async readWords(): Promise<Uint32Array> {
    const all = await this.gpu.read(this.buffer, Uint32Array);
    return all.length === this.size ? all : all.slice(0, this.size);
  }

  /** The same memory without history: gradients stop here. */
  detach(): Tensor {
    return new Tensor(this.gpu, this.buffer, this.shape, this.type);
  }
}
