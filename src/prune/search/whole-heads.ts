import { UsageError } from "../../errors.js";
import type { Model } from "../../nn/index.js";

/** A search would leave such blocks' heads alone without a word. @throws UsageError for a ViT with heads that were cut to different dimensions. */
export function requireWholeHeads(method: string, { config }: Model): void {
  if (config.architecture !== "vit") return;
  const cut = config.blocks.findIndex(({ attention }) => attention?.qkv !== undefined);
  if (cut < 0) return;
  throw new UsageError(
    `${method}: expected heads with all their dimensions, got block ${cut} with heads that were cut; search before cutting`,
  );
}

/** Heads of the block that a place such as "blocks.0.attn.out" is in; 1 where the model is no ViT. */
export function headsAt({ config }: Model, place: string): number {
  if (config.architecture !== "vit") return 1;
  const [, block] = place.split(".");
  return config.blocks[Number(block)].attention!.heads;
}
