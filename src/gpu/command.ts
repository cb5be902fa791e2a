/** What a device is told to do, as data: encoded at once, or kept and replayed. */
import type { Pipeline } from "./pipelines.js";

/** Three counts of workgroups, or the place of three u32 that an earlier kernel wrote. */
export type Groups = readonly [number, number, number] | { readonly raw: GPUBuffer; readonly byteOffset: number };

export interface Dispatch {
  readonly kind: "dispatch";
  readonly pipeline: Pipeline;
  readonly bindGroup: GPUBindGroup;
  /** Dynamic offset of the parameters; absent when the kernel has none. */
  readonly paramsOffset: number | undefined;
  readonly groups: Groups;
}

export interface Copy {
  readonly kind: "copy";
  readonly from: GPUBuffer;
  readonly fromOffset: number;
  readonly to: GPUBuffer;
  readonly toOffset: number;
  readonly byteLength: number;
}

export interface Clear {
  readonly kind: "clear";
  readonly raw: GPUBuffer;
  readonly byteOffset: number;
  readonly byteLength: number;
}

export type Command = Dispatch | Copy | Clear;

export function encodeDispatch(
  pass: GPUComputePassEncoder,
  { pipeline, bindGroup, paramsOffset, groups }: Dispatch,
): void {
  pass.setPipeline(pipeline.raw);
  if (paramsOffset === undefined) pass.setBindGroup(0, bindGroup);
  else pass.setBindGroup(0, bindGroup, [paramsOffset]);
  if ("raw" in groups) pass.dispatchWorkgroupsIndirect(groups.raw, groups.byteOffset);
  else pass.dispatchWorkgroups(groups[0], groups[1], groups[2]);
}

export function encodeTransfer(encoder: GPUCommandEncoder, command: Copy | Clear): void {
  if (command.kind === "clear") encoder.clearBuffer(command.raw, command.byteOffset, command.byteLength);
  else encoder.copyBufferToBuffer(command.from, command.fromOffset, command.to, command.toOffset, command.byteLength);
}
