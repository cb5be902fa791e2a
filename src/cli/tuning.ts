/** Which kernels commands take: what was kept for the device, or what `SECATEUR_TUNING` names. */
import { readFile } from "node:fs/promises";
import { UsageError } from "../errors.js";
import type { Tuning } from "../gpu/index.js";
import { cachedTuning, pinnedTuning, shippedTuning } from "../kernels/index.js";

/**
 * @param wish - a file that `secateur tune --out` wrote, to pin; "shipped" for what nobody tuned; without, what was kept
 * @throws UsageError when the file cannot be read, FormatError when it is none; and as `pinnedTuning`.
 */
export async function commandTuning(wish: string | undefined): Promise<Tuning> {
  if (!wish) return cachedTuning();
  if (wish === "shipped") return shippedTuning();
  const remedy = "unset SECATEUR_TUNING, or set a file that secateur tune --out wrote here";
  return pinnedTuning(await readJson(wish), { source: `SECATEUR_TUNING=${wish}`, remedy });
}

async function readJson(path: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(path, "utf8"));
  } catch (error) {
    throw new UsageError(
      `SECATEUR_TUNING: expected "shipped" or a file of secateur tune --out, got ${path}: "${(error as Error).message}"; correct or unset it`,
    );
  }
}
