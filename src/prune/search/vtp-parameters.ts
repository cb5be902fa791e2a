/** How many parameters of a ViT's blocks are left when so many of VTP's gates stay. */
import type { Model } from "../../nn/index.js";
import type { KeptCounts } from "./vtp-selection.js";

/** Parameters of the blocks, and those that stay with the gates. */
export interface BlockParameters {
  readonly total: number;
  readonly left: (kept: KeptCounts) => number;
}

/**
 * With a gates of attn.in left, o of O of attn.out, b of mlp.in and n of mlp.neuron, a block of R rows of qkv has
 * `(R - O + o)(a + 1) + o P + n (b + 1) + n F` parameters that depend on gates: rows of v that no column of the projection reads go with these. P and F are
 * the rows of the projection and of fc2; qkv counts a + 0 where it has no bias.
 */
export function blockParameters({ parameters }: Model, all: KeptCounts): BlockParameters {
  const sizes = new Map(Array.from(parameters, ({ name, size }) => [name, size]));
  const blocks = new Set(Array.from(all.keys(), (name) => name.split(".", 2).join(".")));
  const gatedParameters = (kept: KeptCounts): number => {
    let sum = 0;
    for (const block of blocks) {
      const full = (site: string) => all.get(`${block}.${site}`) ?? 1;
      const of = (site: string) => kept.get(`${block}.${site}`) ?? full(site);
      const size = (layer: string) => sizes.get(`${block}.${layer}.weight`) ?? 0;
      const rows = size("attn.qkv") / full("attn.in") - full("attn.out") + of("attn.out");
      const bias = sizes.has(`${block}.attn.qkv.bias`) ? 1 : 0;
      sum += rows * (of("attn.in") + bias) + (size("attn.proj") / full("attn.out")) * of("attn.out");
      sum += of("mlp.neuron") * (of("mlp.in") + 1 + size("mlp.fc2") / full("mlp.neuron"));
    }
    return sum;
  };
  const total = [...sizes].reduce((sum, [name, size]) => (name.startsWith("blocks.") ? sum + size : sum), 0);
  const fixed = total - gatedParameters(all);
  return { total, left: (kept) => fixed + gatedParameters(kept) };
}
