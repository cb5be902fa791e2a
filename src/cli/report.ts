/** What every report of this program says of the machine, the command and the model. */
import type { AdapterSummary } from "../gpu/index.js";
import type { Checkpoint } from "../io/checkpoint.js";
import type { Dataset } from "../io/dataset.js";
import { parameterCount } from "../io/parameters.js";
import { architectureOf } from "../nn/index.js";
import type { DatasetSummary, ModelSummary, Report } from "../report/types.js";
import { modelName, plainConfig } from "./model.js";
import { PROGRAM } from "./program.js";
import { versions } from "./version.js";

export function summarizeModel(path: string, { config, rawConfig }: Checkpoint): ModelSummary {
  const { flops } = architectureOf(config);
  return { name: modelName(path), config: plainConfig(rawConfig), parameters: parameterCount(config), flops };
}

export function summarizeData({ source, length, labels }: Dataset): DatasetSummary {
  return { name: source, examples: length, classes: new Set(labels).size };
}

function summarizeAdapter({ vendor, architecture, device, description, kind }: AdapterSummary): Report["adapter"] {
  return { vendor, architecture, device, description, kind };
}

/** The report lies in its output folder, so the folder's name is left out: the same work gives the same bytes wherever they go. */
function reproducible(args: readonly string[]): string[] {
  return args.flatMap((argument, index) => {
    if (args[index - 1] === "--out") return ["DIR"];
    if (argument === "--resume") return [];
    return argument.startsWith("--out=") ? ["--out=DIR"] : [argument];
  });
}

export function reportFrame(args: readonly string[], adapter: AdapterSummary) {
  return {
    schema: 1,
    versions: versions(),
    command: [PROGRAM, ...reproducible(args)],
    adapter: summarizeAdapter(adapter),
  } as const satisfies Partial<Report>;
}
