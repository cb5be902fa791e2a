/** Which kernels commands take: what was kept for the device, or what `SECATEUR_TUNING` names. */
import { readFile } from "node:fs/promises";
import { FormatError, UsageError } from "../errors.js";
import type { Tuning } from "../gpu/index.js";
import { cachedTuning, pinnedTuning, shippedTuning } from "../kernels/index.js";

/**
 * @param wish - a file that `secateur tune --out` wrote, to pin; "shipped" for what nobody tuned; without, what was kept
 * @throws UsageError when the file cannot be read, or is none.
 */
export async function commandTuning(wish: string | undefined): Promise<Tuning> {
  if (!wish) return cachedTuning();
  if (wish === "shipped") return shippedTuning();
  try {
    return pinnedTuning(JSON.parse(await readFile(wish, "utf8")));
  } catch (error) {
    const problem = error instanceof FormatError ? error.message : `"${(error as Error).message}"`;
    throw new UsageError(
      `SECATEUR_TUNING: expected "shipped" or a file of secateur tune --out, got ${wish}: ${problem}; correct or unset it`,
    );
  }
}
