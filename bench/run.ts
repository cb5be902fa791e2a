/** `secateur bench`: every case of test/cases with a shape worth timing, the shapes of ViTs, and whole steps of networks, on this device. */
import type { Gpu } from "../src/gpu/index.js";
import { kernelRows } from "./kernel-rows.js";
import { type Ceilings, floorOf, type Measurement, type Omission } from "./result.js";
import { BeyondDevice, beyond, type Row } from "./row.js";
import { FULL, QUICK, timeRow } from "./sampling.js";
import { stepRows } from "./step-rows.js";
import { vitRows } from "./vit-rows.js";

export interface BenchOptions {
  /** Only rows whose name matches. */
  readonly filter?: RegExp;
  /** All shapes, and more samples of each. */
  readonly full?: boolean;
  readonly signal?: AbortSignal;
}

/** Rows that match; without `full` those only that are quick on a slow device. */
export function selectRows({ filter, full = false }: BenchOptions): Row[] {
  const rows = [...vitRows(), ...stepRows()].filter(({ name }) => !filter || filter.test(name));
  return [...kernelRows(filter), ...rows].filter((row) => full || !row.full);
}

/** Milliseconds at the ceilings from which on a row is left to `--full`: a row comes to several times as much, and is run several times. */
const QUICK_FLOOR = 60;

/** One row, whatever becomes of it. @throws GpuError when the device is lost; the signal's reason when aborted. */
export async function benchRow(
  gpu: Gpu,
  row: Row,
  ceilings: Ceilings,
  { full = false, signal }: BenchOptions = {},
): Promise<Measurement | Omission> {
  signal?.throwIfAborted();
  const reason = reasonToOmit(gpu, row, ceilings, full);
  if (reason !== undefined) return { name: row.name, reason, failed: false };
  try {
    return await timeRow(gpu, row, ceilings, full ? FULL : QUICK, signal);
  } catch (error) {
    signal?.throwIfAborted();
    await gpu.sync(); // throws again where the device is lost
    return { name: row.name, reason: (error as Error).message, failed: !(error instanceof BeyondDevice) };
  }
}

const reasonToOmit = (gpu: Gpu, row: Row, ceilings: Ceilings, full: boolean): string | undefined =>
  beyond(row, gpu) ?? (full ? undefined : tooLong(row, ceilings));

function tooLong({ family, flops = 0, bytes = 0 }: Row, ceilings: Ceilings): string | undefined {
  const floor = floorOf(flops, bytes, ceilings);
  if (family === "step" || floor < QUICK_FLOOR) return undefined;
  return `${Math.round(floor)} ms at the device's own limits; add --full`;
}

/** About how long a row takes, in any unit: allocating and compiling, and runs that come to some times what the ceilings allow; nothing if it is left out. */
export function costOf(gpu: Gpu, row: Row, ceilings: Ceilings, { full = false }: BenchOptions = {}): number {
  if (reasonToOmit(gpu, row, ceilings, full) !== undefined) return 0;
  return 1000 + 30 * floorOf(row.flops ?? 0, row.bytes ?? 0, ceilings);
}
