/** Which tokens of each example stay: those that the class token attends to most. */
import { ShapeError } from "../errors.js";
import type { Gpu } from "../gpu/index.js";
import type { BufferLike } from "./buffers.js";
import { requireElements } from "./elements.js";
import { dispatchElementwise } from "./elementwise.js";
import { requireSizes } from "./require.js";
import * as shaders from "./shaders.gen.js";

/** Extents of a choice of tokens. */
export interface KeepTokensSize {
  readonly batch: number;
  /** Of an example, the prefix included. */
  readonly tokens: number;
  /** Tokens in front that always stay: class and distillation token. */
  readonly prefixTokens: number;
  /** Tokens after the prefix that stay. */
  readonly kept: number;
}

/**
 * Chooses in each example the prefix and the `kept` other tokens of the most attention, the earlier one of equals, in the order of the tokens. With
 * all = prefixTokens + kept: rows[b * all + p] is the row, in batch x tokens, of the token that becomes number p of example b; places[b * tokens + t]
 * is the row in batch x all that token t goes to, or `NONE`. attention: batch x tokens, f32, not negative; rows: batch x all, places: batch x tokens, u32.
 * @throws ShapeError for more tokens than there are, or a buffer that is too short.
 */
export function keepTokens(
  gpu: Gpu,
  { attention, rows, places }: { attention: BufferLike; rows: BufferLike; places: BufferLike },
  { batch, tokens, prefixTokens, kept }: KeepTokensSize,
): void {
  requireSizes("keepTokens", { batch, tokens });
  if (!(Number.isInteger(kept) && kept >= 0 && prefixTokens + kept >= 1 && prefixTokens + kept <= tokens)) {
    throw new ShapeError(
      `keepTokens: expected to keep at most ${tokens - prefixTokens} tokens after ${prefixTokens}, got ${kept}`,
    );
  }
  const count = batch * tokens;
  const all = prefixTokens + kept;
  requireElements("keepTokens", { attention, rows, places }, { attention: count, rows: batch * all, places: count });
  using _temporaries = gpu.scope();
  const stays = gpu.allocate(4 * count);
  const ranking = { buffers: { attention, stays }, params: { tokens, prefix_tokens: prefixTokens, kept } };
  dispatchElementwise(gpu, shaders.rank_tokens, { ...ranking, inFours: false }, count);
  const placing = { buffers: { stays, rows, places }, params: { tokens, kept: all } };
  dispatchElementwise(gpu, shaders.place_tokens, { ...placing, inFours: false }, count);
}
