/** The products that Vision Transformers are made of. */
import { type MatmulWorkload, workloadKey } from "./choices.js";

const TOKENS = 197;
/** Of ViT-Ti, S and B. */
const WIDTHS = [192, 384, 768];
const BATCHES = [1, 8];

/** A product and what `secateur tune --filter` calls it. */
export interface NamedWorkload {
  /** "nt masked 1576x576x192". */
  readonly name: string;
  readonly workload: MatmulWorkload;
}

/** Forward and both backward products of a block's layers, one for each key, small ones first. */
export function vitWorkloads(): NamedWorkload[] {
  const found = new Map<string, NamedWorkload>();
  for (const batch of BATCHES) {
    for (const width of WIDTHS) {
      const tokens = batch * TOKENS;
      const layers = [
        [3 * width, width],
        [width, width],
        [4 * width, width],
        [width, 4 * width],
      ]; // qkv, proj, fc1, fc2
      for (const [out, input] of layers) {
        for (const masked of [false, true]) {
          const products: MatmulWorkload[] = [
            { order: "nt", masked, size: { m: tokens, n: out, k: input } },
            { order: "nn", masked, size: { m: tokens, n: input, k: out } },
            { order: "tn", masked, size: { m: out, n: input, k: tokens } },
          ];
          for (const workload of products) {
            const { m, n, k } = workload.size;
            const name = `${workload.order}${masked ? " masked" : ""} ${m}x${n}x${k}`;
            const key = workloadKey(workload);
            if (!found.has(key)) found.set(key, { name, workload });
          }
        }
      }
    }
  }
  const work = ({ size: { m, n, k } }: MatmulWorkload) => m * n * k;
  return [...found.values()].sort((a, b) => work(a.workload) - work(b.workload));
}
