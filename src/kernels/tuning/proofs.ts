/** Which kernels have passed the self-test, in this process and, by a mark in the cache, in an earlier one on the same driver. */
import { platform } from "#platform";
import type { Gpu } from "../../gpu/index.js";
import type { MatmulVariant } from "../matmul-variant.js";
import { type MatmulWorkload, workloadKind } from "./choices.js";
import { proofSize, proves } from "./prove.js";
import type { VariantRunner } from "./run-variant.js";
import { cacheName, deviceKey, hashOfKernels } from "./tuning-file.js";

/** Another number where the self-test asks for more than before. */
const FORMAT = "secateur proofs 3";

/** What is kept: only what passed, so that a kernel which failed is tried again by the next process. */
interface Marks {
  readonly format: typeof FORMAT;
  readonly device: string;
  readonly kernels: string;
  readonly passed: readonly string[];
}

interface Proofs {
  readonly tried: Map<string, Promise<boolean>>;
  marked: Promise<Set<string>> | undefined;
}

const proofsOn = new WeakMap<Gpu, Proofs>();

/** Marks are a saving, so what cannot be read or written is passed over in silence: the self-test runs again. */
async function readMarks(gpu: Gpu): Promise<Set<string>> {
  try {
    const { format, device, kernels, passed } = JSON.parse((await platform.readCache(marksName(gpu))) ?? "{}") as Marks;
    const ours = format === FORMAT && device === deviceKey(gpu) && kernels === hashOfKernels();
    return new Set(ours && Array.isArray(passed) ? passed : []);
  } catch {
    return new Set();
  }
}

async function writeMarks(gpu: Gpu, passed: ReadonlySet<string>): Promise<void> {
  const marks: Marks = {
    format: FORMAT,
    device: deviceKey(gpu),
    kernels: hashOfKernels(),
    passed: [...passed].sort(),
  };
  await platform.writeCache(marksName(gpu), `${JSON.stringify(marks)}\n`).catch(() => {});
}

const marksName = (gpu: Gpu): string => cacheName(gpu, "proofs");

async function proveOrRecall(gpu: Gpu, key: string, proofs: Proofs, test: () => Promise<boolean>): Promise<boolean> {
  proofs.marked ??= readMarks(gpu);
  const marked = await proofs.marked;
  if (marked.has(key)) return true;
  const passed = await test();
  if (passed) await writeMarks(gpu, marked.add(key));
  return passed;
}

/**
 * Whether the kernel passes the self-test for products like this one: tested once a driver and version of the kernels' texts.
 * @param run - for tests: no mark is read or written
 */
export function isProven(
  gpu: Gpu,
  variant: MatmulVariant,
  workload: MatmulWorkload,
  run?: VariantRunner,
): Promise<boolean> {
  const proofs = proofsOn.get(gpu) ?? { tried: new Map(), marked: undefined };
  proofsOn.set(gpu, proofs);
  const { n, k } = proofSize(workload);
  const key = `${workloadKind(workload)} n ${n} k ${k}: ${variant}`;
  const test = () => proves(gpu, variant, workload, run);
  const found = proofs.tried.get(key) ?? (run ? test() : proveOrRecall(gpu, key, proofs, test));
  proofs.tried.set(key, found);
  found.catch(() => proofs.tried.delete(key)); // a fault of something else, which says nothing of the kernel
  return found;
}
