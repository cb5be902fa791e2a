/** Which kernels commands take: what was kept for the device, or what `SECATEUR_TUNING` names. */
import { readFile } from "node:fs/promises";
import type { Tuning } from "../gpu/index.js";
import { parseJsonObject } from "../io/json.js";
import { readError } from "../io/node/files.js";
import { cachedTuning, pinnedTuning, shippedTuning } from "../kernels/index.js";

/**
 * @param wish - a file that `secateur tune --out` wrote, to pin; "shipped" for what nobody tuned; without, what was kept
 * @throws FormatError for a file that cannot be read or is none; and as `pinnedTuning`.
 */
export async function commandTuning(wish: string | undefined): Promise<Tuning> {
  if (!wish) return cachedTuning();
  if (wish === "shipped") return shippedTuning();
  const remedy = "unset SECATEUR_TUNING, or set a file that secateur tune --out wrote here";
  const source = `SECATEUR_TUNING=${wish}`;
  const bytes = await readFile(wish).catch((error) => {
    throw readError(error, source, '"shipped" or a file of secateur tune --out');
  });
  return pinnedTuning(parseJsonObject(bytes, source), { source, remedy });
}
