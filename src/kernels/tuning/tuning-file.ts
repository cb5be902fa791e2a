/** What was tuned, as JSON: which device it is for, which texts of the kernels, and the choices. */
import { FormatError } from "../../errors.js";
import type { Gpu } from "../../gpu/index.js";
import { whatIs } from "../../gpu/what-is.js";
import { type MatmulVariant, matmulVariantNames } from "../matmul-variant.js";
import * as shaders from "../shaders.gen.js";

const FORMAT = "secateur tuning 1";

/** Choices for one device; `secateur tune` writes it, `pinnedTuning` takes it. */
export interface TuningFile {
  readonly format: typeof FORMAT;
  /** Vendor, architecture, device and driver, and the features that kernels ask for. */
  readonly device: string;
  /** Hash of the texts of the kernels that were chosen from. */
  readonly kernels: string;
  /** Kernels by the product's key. */
  readonly matmul: Readonly<Record<string, MatmulVariant>>;
}

/** FNV-1a, 32 bits: tells texts apart, and nothing else. */
export function hash(text: string): string {
  let value = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) value = Math.imul(value ^ text.charCodeAt(i), 0x01000193);
  return (value >>> 0).toString(16).padStart(8, "0");
}

const TUNED = [
  ...[shaders.matmul_lane, shaders.transpose, shaders.matmul_tile, shaders.matmul_sum],
  shaders.matmul_subgroup_matrix,
];
let kernelsHash: string | undefined;
/** Another version of the kernels has another one. */
export const hashOfKernels = (): string => (kernelsHash ??= hash(TUNED.map(({ code }) => code).join("\n")));

const FEATURES = ["subgroups", "shader-f16", "timestamp-query", "chromium-experimental-subgroup-matrix"] as const;

/** What a choice holds for: another driver is another device. */
export function deviceKey({ info, features }: Gpu): string {
  const offered = FEATURES.filter((name) => features.has(name as GPUFeatureName));
  return [
    info.vendor,
    info.architecture,
    info.device,
    info.description, // of some drivers the driver only
    `subgroups of ${info.subgroupSize ?? "any size"}`,
    ...offered,
  ].join(", ");
}

export const makeTuningFile = (gpu: Gpu, matmul: ReadonlyMap<string, MatmulVariant>): TuningFile => ({
  format: FORMAT,
  device: deviceKey(gpu),
  kernels: hashOfKernels(),
  matmul: Object.fromEntries([...matmul].sort(([a], [b]) => (a < b ? -1 : 1))),
});

/** As `workloadKey` writes them. */
const KEY = /^(nn|nt|tn)( masked)?( ragged)? \d+x\d+x\d+(x\d+)?$/;

/** How an error calls a file of choices, and what it says to do. */
export interface TuningSource {
  /** "tuning" unless given. */
  readonly source?: string;
  /** "run secateur tune here" unless given; for what is no document, to read one. */
  readonly remedy?: string;
}

/** @throws FormatError with what is wrong with a file. */
export function refuseTuning(
  problem: string,
  { source = "tuning", remedy = "run secateur tune here" }: TuningSource,
): never {
  throw new FormatError(`${source}: ${problem}; ${remedy}`);
}

/** A plain object, and not a file's path, text, bytes or promise. */
function isDocument(data: unknown): boolean {
  if (typeof data !== "object" || data === null) return false;
  const prototype = Object.getPrototypeOf(data);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

/** @throws FormatError for what is no tuning file. */
export function parseTuningFile(data: unknown, source: TuningSource = {}): TuningFile {
  const refuse = (expected: string, got: unknown): never =>
    refuseTuning(`expected ${expected}, got ${JSON.stringify(got ?? null)}`, source);
  if (!isDocument(data)) {
    const got = typeof data === "string" ? "a string" : whatIs(data);
    const remedy = "pass what JSON.parse makes of the text of a file that secateur tune --out wrote";
    return refuseTuning(`expected a document of format "${FORMAT}", got ${got}`, { remedy, ...source });
  }
  const file = data as Partial<TuningFile>;
  if (file.format !== FORMAT) {
    const got = file.format === undefined ? "one without a format" : JSON.stringify(file.format);
    return refuseTuning(`expected a document of format "${FORMAT}", got ${got}`, source);
  }
  if (typeof file.device !== "string" || typeof file.kernels !== "string")
    return refuse("a device and kernels", file.device);
  if (typeof file.matmul !== "object" || file.matmul === null) return refuse("choices for matmul", file.matmul);
  for (const [key, variant] of Object.entries(file.matmul)) {
    if (!KEY.test(key)) refuse("keys of products", key);
    if (!matmulVariantNames.includes(variant)) refuse("kernels that exist", variant);
  }
  return file as TuningFile;
}

/** What two devices are called, less the words that both begin or end with. */
function apart(one: string, other: string): [string, string] {
  const words = [one.split(", "), other.split(", ")];
  const same = (at: number) => words[0].at(at) === words[1].at(at);
  const shorter = Math.min(...words.map(({ length }) => length));
  let [first, last] = [0, 0];
  while (first < shorter - 1 && same(first)) first++;
  while (last < shorter - 1 - first && same(-1 - last)) last++;
  const [rest, otherRest] = words.map((all) => all.slice(first, all.length - last).join(", "));
  return [rest, otherRest];
}

/** Why a file's choices do not hold here, if they do not. */
export function mismatch(gpu: Gpu, { device, kernels }: TuningFile): string | undefined {
  if (device !== deviceKey(gpu)) {
    const [wanted, got] = apart(deviceKey(gpu), device);
    return `expected choices for this device, "${wanted}", got those for "${got}"`;
  }
  return kernels === hashOfKernels() ? undefined : "expected choices for this version's kernels, got those for others";
}
