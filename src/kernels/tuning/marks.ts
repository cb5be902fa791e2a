/** Marks in the cache: what a self-test found out about kernels on this driver, so that later processes need not find it out again. */
import { platform } from "#platform";
import type { Gpu } from "../../gpu/index.js";
import { type CacheKind, cacheName, passOver } from "./kept.js";
import { deviceKey } from "./tuning-file.js";

/** Where marks are kept, and what they hold for. */
export interface MarksOf {
  readonly kind: CacheKind;
  /** Another one where a self-test asks for more than before. */
  readonly format: string;
  /** Hash of the kernels' texts. */
  readonly kernels: string;
}

/** Names of lists, and what stands in them. */
type Lists<Name extends string> = Record<Name, Set<string>>;

/**
 * Marks are a saving, so where nothing can be kept they do without, in silence: the self-test runs again. It does so too, with one warning, where
 * what was kept is none.
 */
export async function readMarks<Name extends string>(
  gpu: Gpu,
  of: MarksOf,
  names: readonly Name[],
): Promise<Lists<Name>> {
  const read = async (): Promise<Record<string, unknown>> => {
    const text = await platform.readCache(cacheName(gpu, of.kind)).catch(() => undefined);
    if (text === undefined) return {};
    try {
      const marks = JSON.parse(text);
      const ours = marks.format === of.format && marks.device === deviceKey(gpu) && marks.kernels === of.kernels;
      return ours ? marks : {};
    } catch {
      passOver(gpu, of.kind, "expected marks as JSON, got a text that is none; the self-test runs again");
      return {};
    }
  };
  const marks = await read();
  const listOf = (name: Name) => new Set<string>(Array.isArray(marks[name]) ? marks[name] : []);
  return Object.fromEntries(names.map((name) => [name, listOf(name)])) as Lists<Name>;
}

/** Adds to what is kept, which other processes may have written meanwhile. */
export async function writeMarks(gpu: Gpu, of: MarksOf, lists: Lists<string>): Promise<void> {
  const { kind, format, kernels } = of;
  const kept = await readMarks(gpu, of, Object.keys(lists));
  const sorted = Object.entries(lists).map(([name, list]) => [name, [...new Set([...kept[name], ...list])].sort()]);
  const marks = { format, device: deviceKey(gpu), kernels, ...Object.fromEntries(sorted) };
  await platform.writeCache(cacheName(gpu, kind), `${JSON.stringify(marks)}\n`).catch(() => {});
}
