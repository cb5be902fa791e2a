/** Which kernels have passed the self-test, in this process and, by a mark in the cache, in an earlier one on the same driver. */
import type { Gpu } from "../../gpu/index.js";
import type { MatmulVariant } from "../matmul-variant.js";
import { type MatmulWorkload, workloadKind } from "./choices.js";
import { type MarksOf, readMarks, writeMarks } from "./marks.js";
import { proofSize, proves } from "./prove.js";
import type { VariantRunner } from "./run-variant.js";
import { hashOfKernels } from "./tuning-file.js";

/** Only what passed is kept, so that a kernel which failed is tried again by the next process. */
const productMarks = (): MarksOf => ({ kind: "proofs", format: "secateur proofs 3", kernels: hashOfKernels() });

interface Proofs {
  readonly tried: Map<string, Promise<boolean>>;
  marks: Promise<{ readonly passed: Set<string> }> | undefined;
}

const proofsOn = new WeakMap<Gpu, Proofs>();

async function proveOrRecall(gpu: Gpu, key: string, proofs: Proofs, test: () => Promise<boolean>): Promise<boolean> {
  proofs.marks ??= readMarks(gpu, productMarks(), ["passed"]);
  const marks = await proofs.marks;
  if (marks.passed.has(key)) return true;
  const right = await test();
  if (right) await writeMarks(gpu, productMarks(), { passed: marks.passed.add(key) });
  return right;
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
  const proofs = proofsOn.get(gpu) ?? { tried: new Map(), marks: undefined };
  proofsOn.set(gpu, proofs);
  const { n, k } = proofSize(workload);
  const key = `${workloadKind(workload)} n ${n} k ${k}: ${variant}`;
  const test = () => proves(gpu, variant, workload, run);
  const found = proofs.tried.get(key) ?? (run ? test() : proveOrRecall(gpu, key, proofs, test));
  proofs.tried.set(key, found);
  found.catch(() => proofs.tried.delete(key)); // a fault of something else, which says nothing of the kernel
  return found;
}
