/** What is kept of a device in the user's cache, each kind as JSON under a name of its own. */
import { platform } from "#platform";
import type { Gpu } from "../../gpu/index.js";
import { deviceKey, hash, mismatch, parseTuningFile, refuseTuning, type TuningFile } from "./tuning-file.js";

/** Choices, and what passed the self-test of products and of attention. */
export type CacheKind = "tuning" | "proofs" | "attention";

/** What the cache calls something that holds for one device. */
export const cacheName = (gpu: Gpu, kind: CacheKind): string => `${kind}-${hash(deviceKey(gpu))}.json`;

const warned = new WeakMap<Gpu, Set<CacheKind>>();

/** Warns, once, that what was kept is not used. @param problem - "expected, got; what to do" */
export function passOver(gpu: Gpu, kind: CacheKind, problem: string): void {
  const kinds = warned.get(gpu) ?? new Set();
  warned.set(gpu, kinds);
  if (!kinds.has(kind))
    console.warn(`secateur: ${platform.cachePlace(cacheName(gpu, kind))} is passed over: ${problem}`);
  kinds.add(kind);
}

/** The engine's own message would print parts of the text, and not say whose it is. */
function parseKept(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return refuseTuning("expected JSON, got a text that is none", {});
  }
}

/** What was kept for this device. What cannot be read is passed over with one warning; what is for other kernels, silently. */
export async function readCachedTuning(gpu: Gpu): Promise<TuningFile | undefined> {
  try {
    const text = await platform.readCache(cacheName(gpu, "tuning"));
    if (text === undefined) return undefined;
    const file = parseTuningFile(parseKept(text));
    return mismatch(gpu, file) === undefined ? file : undefined;
  } catch (error) {
    passOver(gpu, "tuning", (error as Error).message);
    return undefined;
  }
}

/** @throws Error where nothing can be kept. */
export const writeCachedTuning = (gpu: Gpu, file: TuningFile): Promise<void> =>
  platform.writeCache(cacheName(gpu, "tuning"), `${JSON.stringify(file, null, 2)}\n`);
