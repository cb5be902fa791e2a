/** `secateur bench`: every case of test/cases with a shape worth timing, on this device. */
import type { Gpu } from "../src/gpu/index.js";
import type { KernelCase } from "../test/harness/kernel-case.js";
import { benchCases } from "./cases.gen.js";
import { type Measurement, timeCase } from "./time-case.js";

export interface BenchOptions {
  /** Only cases whose name matches. */
  readonly filter?: RegExp;
  /** Called after each case. */
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
  const results: Measurement[] = [];
  for (const test of cases) {
    signal?.throwIfAborted();
    const result = await timeCase(gpu, test);
    results.push(result);
    onResult?.(result, results.length, cases.length);
  }
  return results;
}
