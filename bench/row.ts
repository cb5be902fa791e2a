/** What a bench times: described before anything is allocated, so that rows which do not fit are left out by themselves. */
import type { Gpu } from "../src/gpu/index.js";
import type { Family } from "./families.js";

/** A row on a device, ready to be repeated. */
export interface PreparedRow extends Disposable {
  /** Records the work once, or also waits for results where the work itself does. */
  run(): void | Promise<void>;
  /** Called after the first run. @throws Error when an output is not written: a dispatch that fails looks very fast. */
  check?(): Promise<void>;
}

export interface Row {
  readonly name: string;
  readonly family: Family;
  readonly flops?: number;
  /** That must be read and written at least. */
  readonly bytes?: number;
  /** Of its buffers, where they are known before; the largest must fit a binding. */
  readonly buffers?: readonly number[];
  /** What the device must have. */
  readonly needs?: GPUFeatureName;
  /** Whether only `--full` runs it. */
  readonly full?: boolean;
  prepare(gpu: Gpu): PreparedRow | Promise<PreparedRow>;
}

/** Device memory that a row may take: hosts of software drivers have little more to spare. */
const MEMORY_LIMIT = 2 * 2 ** 30;

const mebibytes = (bytes: number): string => `${Math.ceil(bytes / 2 ** 20)} MiB`;

/** What `prepare` throws where a row cannot run on this device and that is no failure. */
export class BeyondDevice extends Error {}

/** Why a row cannot run on this device, or undefined. */
export function beyond({ buffers = [], needs }: Row, gpu: Gpu): string | undefined {
  if (needs && !gpu.features.has(needs)) return `needs ${needs}, which this device has not`;
  return tooLarge(buffers, gpu);
}

/** Why a device has no room for buffers of these bytes, or undefined. */
export function tooLarge(buffers: readonly number[], { limits }: Gpu): string | undefined {
  const largest = Math.max(0, ...buffers);
  const binding = Math.min(limits.maxStorageBufferBindingSize, limits.maxBufferSize);
  if (largest > binding) return `a buffer of ${mebibytes(largest)}, and this device binds ${mebibytes(binding)}`;
  const total = buffers.reduce((sum, bytes) => sum + bytes, 0);
  if (total > MEMORY_LIMIT) return `buffers of ${mebibytes(total)}, and the bench takes ${mebibytes(MEMORY_LIMIT)}`;
  return undefined;
}
