/** A shaped range of device memory, and the graph behind it when gradients are wanted. */
import { ShapeError } from "../errors.js";
import type { BufferOwner, Gpu, GpuBuffer } from "../gpu/index.js";
import type { TapeNode } from "./op.js";

/** Extents, outermost first. */
export type Shape = readonly number[];
/** Both take four bytes; masks and labels are u32. */
export type ElementType = "f32" | "u32";

export const sizeOf = (shape: Shape): number => shape.reduce((product, extent) => product * extent, 1);

/** Row-major, contiguous. Every element takes four bytes. */
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
    if (sizeOf(shape) * 4 > buffer.byteLength) {
      throw new ShapeError(
        `tensor [${shape}]: expected ${sizeOf(shape) * 4} bytes, got a buffer of ${buffer.byteLength}`,
      );
    }
  }

  /** Uploads host data. The tensor belongs to the open scope, if any. */
  static from(gpu: Gpu, data: Float32Array | Uint32Array, shape: Shape = [data.length]): Tensor {
    if (sizeOf(shape) !== data.length)
      throw new ShapeError(`tensor [${shape}]: expected ${sizeOf(shape)} values, got ${data.length}`);
    const tensor = Tensor.empty(gpu, shape, data instanceof Uint32Array ? "u32" : "f32");
    tensor.write(data);
    return tensor;
  }

  /** Content undefined: for kernels that write every element. */
  static empty(gpu: Gpu, shape: Shape, type: ElementType = "f32"): Tensor {
    return new Tensor(gpu, gpu.allocate(sizeOf(shape) * 4), shape, type);
  }

  static zeros(gpu: Gpu, shape: Shape, type: ElementType = "f32"): Tensor {
    const tensor = Tensor.empty(gpu, shape, type);
    gpu.clear(tensor.buffer);
    return tensor;
  }

  /** Uses the host's buffer without a copy; it is never destroyed here. */
  static borrow(gpu: Gpu, raw: GPUBuffer, shape: Shape, byteOffset = 0, type: ElementType = "f32"): Tensor {
    return new Tensor(gpu, gpu.borrow(raw, byteOffset, sizeOf(shape) * 4), shape, type);
  }

  get size(): number {
    return sizeOf(this.shape);
  }

  /** True when a gradient has to flow to or through this tensor. */
  get tracked(): boolean {
    return this.requiresGradient || this.node !== undefined;
  }

  write(data: Float32Array | Uint32Array): void {
    if (data.length !== this.size)
      throw new ShapeError(`tensor [${this.shape}]: expected ${this.size} values, got ${data.length}`);
    this.gpu.upload(this.buffer, data);
  }

  /** Waits for the device and copies the values to the host. */
  async read(): Promise<Float32Array> {
    const all = await this.gpu.read(this.buffer);
    return all.length === this.size ? all : all.slice(0, this.size);
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
