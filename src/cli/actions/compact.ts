/** `secateur compact`: a model with masks, or zeros, in; a smaller dense model that computes the same out. */
import { UsageError } from "../../errors.js";
import { checkWritableFolder } from "../../io/node/index.js";
import { compactModel, compactText } from "../compact-model.js";
import type { CommandContext, Outcome } from "../host.js";
import { loadMasks, loadWithWeights, modelName } from "../model.js";
import { modelPlaces, refuseInputFolder } from "../places.js";
import { writeRun } from "../run-folder.js";

export interface CompactArguments {
  readonly masks?: string;
  readonly roundTo?: number;
  readonly depth?: number;
  readonly keepTokens?: number;
  readonly at?: readonly number[];
  readonly speedBatch?: number;
  readonly out: string;
}

export async function compactFolder(
  { openGpu, signal }: CommandContext,
  path: string,
  options: CompactArguments,
): Promise<Outcome> {
  const { out } = options;
  if (options.at !== undefined && options.keepTokens === undefined) {
    throw new UsageError("at: expected --keep-tokens <part>, got none; say how many tokens those blocks keep");
  }
  refuseInputFolder("out", out, [...modelPlaces(path), ...(options.masks === undefined ? [] : [options.masks])]);
  await checkWritableFolder(out);
  const checkpoint = await loadWithWeights(path);
  const masks = options.masks === undefined ? new Map() : await loadMasks(options.masks, checkpoint);
  using gpu = await openGpu();
  const cut = await compactModel(gpu, checkpoint, masks, options);
  const { files, numbers, difference, zeros } = cut;
  signal.throwIfAborted();
  await writeRun(out, files);
  const seen = options.keepTokens === undefined ? "" : ", where both see all tokens";
  const text = [
    `${modelName(path)}: outputs of the compact model differ by ${difference.toExponential(1)} of the largest one${seen}`,
    ...compactText(cut),
    `${out}: ${[...files.keys()].join(", ")} (on ${gpu.info.description})`,
  ];
  return {
    data: {
      command: "compact",
      model: modelName(path),
      out,
      difference,
      ...numbers,
      zeros,
      adapter: gpu.info.description,
    },
    text: text.join("\n"),
  };
}
