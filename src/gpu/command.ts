/** What a device is told to do, as data: encoded at once, or kept and replayed. */
import type { GpuBuffer } from "./buffer.js";
import type { Pipeline } from "./pipelines.js";

/** Counts of workgroups by dimension. */
export type Groups = readonly [number, number, number];

export interface Dispatch {
  readonly kind: "dispatch";
  readonly pipeline: Pipeline;
  readonly bindGroup: GPUBindGroup;
  /** What the bind group binds. */
  readonly buffers: readonly GpuBuffer[];
  /** Dynamic offset of the parameters; absent when the kernel has none. */
  readonly paramsOffset: number | undefined;
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

/** Every range that a command reads or writes. */
export function buffersOf(command: Command): readonly GpuBuffer[] {
  if (command.kind === "dispatch") return command.buffers;
  return command.kind === "copy" ? [command.from, command.to] : [command.buffer];
}

export function encodeDispatch(
  pass: GPUComputePassEncoder,
  { pipeline, bindGroup, paramsOffset, groups }: Dispatch,
): void {
  pass.setPipeline(pipeline.raw);
  if (paramsOffset === undefined) pass.setBindGroup(0, bindGroup);
  else pass.setBindGroup(0, bindGroup, [paramsOffset]);
  pass.dispatchWorkgroups(groups[0], groups[1], groups[2]);
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
