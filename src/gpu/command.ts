/** What a device is told to do, as data: encoded at once, or kept and replayed. */

import type { BindGroupCache } from "./bind-groups.js";
import type { GpuBuffer } from "./buffer.js";
import type { ParamsPlace } from "./params.js";
import type { Pipeline } from "./pipelines.js";

/** Counts of workgroups by dimension. */
export type Groups = readonly [number, number, number];

export interface Dispatch {
  readonly kind: "dispatch";
  readonly pipeline: Pipeline;
  /** In the order of the shader's bindings. */
  readonly buffers: readonly GpuBuffer[];
  /** Where the parameters lie; absent when the kernel has none. */
  readonly params: ParamsPlace | undefined;
  readonly groups: Groups;
}

/** Offsets count from the beginnings of the ranges. */
export interface Copy {
  readonly kind: "copy";
  readonly from: GpuBuffer;
  readonly fromOffset: number;
  readonly to: GpuBuffer;
  readonly toOffset: number;
  readonly byteLength: number;
}

export interface Clear {
  readonly kind: "clear";
  readonly buffer: GpuBuffer;
}

export type Command = Dispatch | Copy | Clear;

/** A dispatch as the device takes it. */
export interface BoundDispatch extends Dispatch {
  readonly bindGroup: GPUBindGroup;
}

/** A command whose buffers have their places on the device. */
export type BoundCommand = BoundDispatch | Copy | Clear;

/** Every range that a command reads or writes. */
export function buffersOf(command: Command): readonly GpuBuffer[] {
  if (command.kind === "dispatch") return command.buffers;
  return command.kind === "copy" ? [command.from, command.to] : [command.buffer];
}

export function bind(command: Command, bindGroups: BindGroupCache): BoundCommand {
  if (command.kind !== "dispatch") return command;
  const { pipeline, buffers, params } = command;
  return { ...command, bindGroup: bindGroups.get(pipeline, buffers, params?.raw) };
}

/** A compute pass that is told its pipeline only when it changes. */
export class DispatchPass {
  #pipeline: Pipeline | undefined;

  constructor(private readonly pass: GPUComputePassEncoder) {}

  encode({ pipeline, bindGroup, params, groups }: BoundDispatch): void {
    if (pipeline !== this.#pipeline) this.pass.setPipeline(pipeline.raw);
    this.#pipeline = pipeline;
    if (params) this.pass.setBindGroup(0, bindGroup, [params.offset]);
    else this.pass.setBindGroup(0, bindGroup);
    this.pass.dispatchWorkgroups(groups[0], groups[1], groups[2]);
  }

  end(): void {
    this.pass.end();
  }
}

export function encodeTransfer(encoder: GPUCommandEncoder, command: Copy | Clear): void {
  if (command.kind === "clear") {
    const { raw, byteOffset, byteLength } = command.buffer;
    encoder.clearBuffer(raw, byteOffset, byteLength);
  } else {
    const { from, to, byteLength } = command;
    const [fromOffset, toOffset] = [from.byteOffset + command.fromOffset, to.byteOffset + command.toOffset];
    encoder.copyBufferToBuffer(from.raw, fromOffset, to.raw, toOffset, byteLength);
  }
}
