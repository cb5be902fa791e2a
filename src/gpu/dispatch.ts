/** From a kernel and named buffers to one command: everything that WebGPU would only report late, or not at all, is checked here. */
import { KernelError, UsageError } from "../errors.js";
import type { GpuBuffer } from "./buffer.js";
import type { Dispatch, Groups } from "./command.js";
import { checkOptions } from "./options.js";
import { packParams } from "./params.js";
import type { PipelineCache } from "./pipelines.js";
import { type BufferOwner, bufferOf } from "./scope.js";
import type { BindingName, Constants, ParamName, ShaderSource } from "./shader.js";
import type { CommandSink } from "./stream.js";
import { whatIs } from "./what-is.js";

/**
 * A count of workgroups, or explicit counts by dimension. Past the limit of one dimension (mostly 65,535) a count is folded into two, for kernels that
 * index by `linear_group` of `#import grid`; others are refused there, since `global_invocation_id.x` would not reach all elements.
 */
export type GroupCount = number | Groups;

/** The `params` of a call: required where the kernel has parameters, absent where it has none, open where it is known at run time only. */
export type ParamsOf<S extends ShaderSource> = S["params"]["length"] extends 0
  ? { readonly params?: undefined }
  : number extends S["params"]["length"]
    ? { readonly params?: Readonly<Record<string, number | boolean>> }
    : { readonly params: { readonly [P in ParamName<S>]: number | boolean } };

/** One use of a kernel: a buffer for each binding, a value for each parameter, and the grid. */
export type DispatchCall<S extends ShaderSource> = {
  readonly buffers: { readonly [B in BindingName<S>]: GpuBuffer | BufferOwner };
  readonly groups: GroupCount;
  readonly constants?: Constants<S>;
} & ParamsOf<S>;

/** Splits a linear count over two dimensions; kernels read it back with `linear_group` of shaders/shared/grid.wgsl. */
export function foldGroups(count: number, limit: number): Groups {
  const y = Math.ceil(count / limit);
  return [Math.ceil(count / y), y, 1];
}

/** Whether a kernel finds its place in a folded grid: it calls `linear_group`, which the fragment declares. */
export const readsFold = ({ code }: ShaderSource): boolean => (code.match(/\blinear_group\s*\(/g)?.length ?? 0) > 1;

function resolveGroups(shader: ShaderSource, groups: GroupCount, limit: number): Groups {
  if (typeof groups !== "number" && groups?.length !== 3) {
    throw new KernelError(
      `${shader.name}: expected groups, a count of workgroups or [x, y, z], got ${whatIs(groups)}; correct groups in the call`,
    );
  }
  if (typeof groups === "number" && groups > limit && !readsFold(shader)) {
    throw new KernelError(
      `${shader.name}: expected at most ${limit} groups, which is what one dimension holds, got ${groups}; index by linear_group of #import grid, or pass [x, y, z]`,
    );
  }
  const counts =
    typeof groups === "number" ? (groups > limit ? foldGroups(groups, limit) : ([groups, 1, 1] as const)) : groups;
  for (const count of counts) {
    if (!Number.isInteger(count) || count < 1 || count > limit) {
      throw new KernelError(`${shader.name}: expected 1 to ${limit} workgroups a dimension, got ${counts.join(" x ")}`);
    }
  }
  return counts;
}

function checkBuffers(shader: ShaderSource, buffers: readonly GpuBuffer[], device: GPUDevice): void {
  const { limits } = device;
  const alignment = limits.minStorageBufferOffsetAlignment;
  buffers.forEach((buffer, index) => {
    const { name, access } = shader.bindings[index];
    const what = `${shader.name}: binding ${name}`;
    buffer.assertUsable(what, device, "STORAGE");
    if (buffer.byteLength > limits.maxStorageBufferBindingSize) {
      const limit = limits.maxStorageBufferBindingSize;
      throw new KernelError(
        `${what}: expected at most ${limit} bytes on this device, got ${buffer.byteLength}; split it`,
      );
    }
    if (buffer.byteOffset % alignment !== 0) {
      throw new KernelError(`${what}: expected an offset in steps of ${alignment}, got ${buffer.byteOffset}`);
    }
    if (buffer.byteLength % 4 !== 0) {
      throw new KernelError(`${what}: expected whole words of 4 bytes, got ${buffer.byteLength} bytes; round up`);
    }
    for (let other = 0; other < index; other++) {
      const writes = access === "write" || shader.bindings[other].access === "write";
      if (writes && buffers[other].sharesMemory(buffer)) {
        const pair = `${shader.bindings[other].name} and ${name}`;
        throw new KernelError(
          `${shader.name}: bindings ${pair} share one buffer and one of them is written; copy it first`,
        );
      }
    }
  });
}

/** @throws KernelError for a value given under a name that the kernel does not have. */
function checkNames(
  shader: ShaderSource,
  what: string,
  known: readonly { readonly name: string }[],
  given: object,
): void {
  for (const [name, value] of Object.entries(given)) {
    if (value === undefined || known.some((each) => each.name === name)) continue;
    const names = known.map((each) => each.name).join(", ") || "none";
    throw new KernelError(
      `${shader.name}: expected a ${what} among ${names}, got ${name}; correct it in the call, or declare it in the WGSL`,
    );
  }
}

/** What a call may hold. */
const OPTIONS = ["buffers", "params", "groups", "constants"];

/** @throws UsageError for what is no kernel, or no call of one. */
function checkCall(shader: ShaderSource, call: object): void {
  if (typeof shader?.code !== "string" || !Array.isArray(shader.bindings)) {
    const got = typeof shader === "string" ? "a string" : whatIs(shader);
    throw new UsageError(`dispatch: expected a kernel, got ${got}; make one with shaderFromWgsl(name, text)`);
  }
  if (shader.closed || typeof call !== "object") checkOptions(shader.name, call, OPTIONS);
}

/** Checks a call and makes its command. @throws UsageError for what is no call of a kernel. @throws KernelError naming the kernel and the binding, parameter or grid at fault. */
export function prepareDispatch<S extends ShaderSource>(
  shader: S,
  call: DispatchCall<S>,
  pipelines: PipelineCache,
  sink: CommandSink,
  device: GPUDevice,
): Dispatch {
  checkCall(shader, call);
  const given = (call.buffers ?? {}) as Readonly<Record<string, GpuBuffer | BufferOwner | undefined>>;
  if (shader.closed) {
    checkNames(shader, "binding", shader.bindings, given);
    checkNames(shader, "parameter", shader.params, call.params ?? {});
  }
  const buffers = shader.bindings.map(({ name }) => {
    const value = given[name];
    if (!value) throw new KernelError(`${shader.name}: expected a buffer for binding ${name}, got none`);
    return bufferOf(value, `${shader.name}: binding ${name}`);
  });
  checkBuffers(shader, buffers, device);
  const groups = resolveGroups(shader, call.groups, device.limits.maxComputeWorkgroupsPerDimension);
  const pipeline = pipelines.get(shader, call.constants ?? {});
  const params = shader.params.length > 0 ? sink.params.add(packParams(shader, call.params ?? {})) : undefined;
  return { kind: "dispatch", pipeline, buffers, params, groups };
}
