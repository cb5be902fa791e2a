/** `secateur bench`: every case of test/cases with a shape worth timing, and whole steps of networks, on this device. */
import type { Gpu } from "../src/gpu/index.js";
import type { KernelCase } from "../test/harness/kernel-case.js";
import { benchCases } from "./cases.gen.js";
import { selectSteps, timeStep } from "./steps.js";
import { type Measurement, timeCase } from "./time-case.js";

export interface BenchOptions {
  /** Only cases and steps whose name matches. */
  readonly filter?: RegExp;
  /** Called after each case and each step. */
  readonly onResult?: (result: Measurement, done: number, total: number) => void;
  readonly signal?: AbortSignal;
}

/** Cases for the bench: those marked so, and of kernels that have none such, the one with the most work. */
export function selectCases(filter: RegExp | undefined): KernelCase[] {
  return benchCases.flatMap((cases: readonly KernelCase[]) => {
    const matching = filter ? cases.filter(({ name }) => filter.test(name)) : [...cases];
    const marked = matching.filter(({ benchOnly }) => benchOnly);
    if (marked.length > 0) return marked;
    const work = ({ bytes = 0, flops = 0 }: KernelCase) => bytes + flops;
    return matching.sort((a, b) => work(b) - work(a)).slice(0, 1);
  });
}

export async function runBench(gpu: Gpu, { filter, onResult, signal }: BenchOptions = {}): Promise<Measurement[]> {
  const cases = selectCases(filter);
  const steps = selectSteps(filter);
  const results: Measurement[] = [];
  const total = cases.length + steps.length;
  for (const [index, test] of cases.entries()) {
    signal?.throwIfAborted();
    const result = await timeCase(gpu, test);
    results.push(result);
    onResult?.(result, index + 1, total);
  }
  for (const [index, step] of steps.entries()) {
    signal?.throwIfAborted();
    const measured = await timeStep(gpu, step);
    results.push(...measured);
    onResult?.(measured[0], cases.length + index + 1, total);
  }
  return results;
}
