/** `secateur doctor`: which adapters work here and why. A finding is never an exception. */
import { FormatError, UsageError } from "../../errors.js";
import type { AdapterFinding, Gpu } from "../../gpu/index.js";
import { remedies } from "../../gpu/remedies.node.js";
import type { CommandContext, Outcome } from "../host.js";
import { textTable } from "../table.js";
import { versions } from "../version.js";

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** Loading Dawn can fail where no binary of it fits the system. */
async function surveyAdapters(): Promise<{ findings: AdapterFinding[]; problem?: string }> {
  try {
    const { platform } = await import("#platform");
    return { findings: await platform.surveyAdapters() };
  } catch (error) {
    return { findings: [], problem: `webgpu (Dawn): ${messageOf(error)}` };
  }
}

interface Opened {
  readonly kind: string;
  readonly description: string;
  readonly reason: string;
  readonly subgroupSize: number | null;
  readonly features: string[];
  readonly limits: Record<string, number>;
}

function examine({ info, features, limits }: Gpu): Opened {
  const numbers: Record<string, number> = {};
  for (const name in limits) {
    const value = limits[name as keyof GPUSupportedLimits];
    if (typeof value === "number") numbers[name] = value;
  }
  const { kind, description, reason, subgroupSize = null } = info;
  return { kind, description, reason, subgroupSize, features: [...features].sort(), limits: numbers };
}

async function openDevice(context: CommandContext): Promise<{ used?: Opened; problem?: string }> {
  try {
    using gpu = await context.openGpu();
    return { used: examine(gpu) };
  } catch (error) {
    // SECATEUR_TUNING is to blame, and no adapter.
    if (error instanceof UsageError || error instanceof FormatError) throw error;
    return { problem: messageOf(error) };
  }
}

/** Limits that decide how large a model or batch can be. */
const SHOWN_LIMITS = [
  "maxBufferSize",
  "maxStorageBufferBindingSize",
  "maxStorageBuffersPerShaderStage",
  "maxComputeWorkgroupStorageSize",
  "maxComputeInvocationsPerWorkgroup",
];

export async function examineMachine(context: CommandContext): Promise<Outcome> {
  const survey = await surveyAdapters();
  const opened = survey.problem ? { problem: survey.problem } : await openDevice(context);
  const { used, problem } = { used: undefined, problem: undefined, ...opened };
  const wish = process.env.SECATEUR_ADAPTER || null;
  const remedy = remedies();
  const data = {
    command: "doctor",
    system: { platform: process.platform, arch: process.arch, ...versions() },
    wish,
    adapters: survey.findings,
    used: used ?? null,
    // The error of an adapter that was not found ends with the remedy.
    problem: problem?.replace(`; ${remedy}`, "") ?? null,
    remedy: used ? null : wish ? `unset SECATEUR_ADAPTER, or ${remedy}` : remedy,
  };
  return { data, text: doctorText(data), exitCode: used ? 0 : 2 };
}

function doctorText(data: {
  readonly system: Record<string, string | null>;
  readonly wish: string | null;
  readonly adapters: readonly AdapterFinding[];
  readonly used: Opened | null;
  readonly problem: string | null;
  readonly remedy: string | null;
}): string {
  const { system, wish, adapters, used, problem, remedy } = data;
  const lines = [
    `secateur ${system.secateur}, node ${system.node}, webgpu (Dawn) ${system.dawn}, ${system.platform} ${system.arch}`,
    ...(wish ? [`SECATEUR_ADAPTER=${wish}`] : []),
    "",
  ];
  if (adapters.length > 0) {
    lines.push("adapters, in order of preference");
    for (const { kind, usable, detail } of adapters)
      lines.push(`  ${usable ? "ok     " : "missing"}  ${kind}: ${detail}`);
    lines.push("");
  }
  if (!used) return [...lines, `no adapter can be used: ${problem}`, `remedy: ${remedy}`].join("\n");
  const limits = textTable(SHOWN_LIMITS.map((name) => [`  ${name}`, String(used.limits[name])]));
  return [
    ...lines,
    `used: ${used.kind}, ${used.description}`,
    `why: ${used.reason}`,
    `subgroup size: ${used.subgroupSize ?? "not fixed"}`,
    `features: ${used.features.join(", ")}`,
    "limits (all of them with --json):",
    limits,
  ].join("\n");
}
