/** What several commands share: sentences, and options that must be given. */
import type { Command } from "commander";
import { UsageError } from "../../errors.js";
import { UNIT_KINDS } from "../../nn/index.js";
import { CRITERIA } from "../../prune/criteria/index.js";
import { needsTraining } from "../../prune/saliency/saliency.js";

export const MODEL =
  "a .safetensors file with config.json beside it, or a folder with both (timm's or Hugging Face's names)";

/** What has no weights yet starts with fresh ones. */
export const MODEL_OR_CONFIG = `a config.json, or ${MODEL}`;

export const DATA =
  "folder of class folders with JPEG or PNG, MNIST idx files, CIFAR-10 batches, or .safetensors (images, labels)";

/** Criteria that a command can compute; those that sum over training steps are for code. */
export const SCORING = [...CRITERIA.values()].flatMap((criterion) =>
  needsTraining(criterion) ? [] : [criterion.name],
);

/** Criteria that are meant for many rounds. */
export const MANY_ROUNDS = [...CRITERIA.values()].flatMap(({ name, manyRounds }) => (manyRounds ? [name] : []));

export const example = (command: string): string => `\nExample:\n  $ secateur ${command}`;

/** How `--granularity` is described. */
export const GRANULARITY = `weight, row, blocks of weights such as 32x32, or units, ranked together where there are commas: ${UNIT_KINDS.join(", ")}`;

export const DEFAULT_BATCH = 16;

/**
 * Refuses a command without these options, and shows them in its usage. Commander itself would complain of a missing option before it names, and
 * mends, a misspelt one.
 */
export function requireOptions(command: Command, ...names: readonly string[]): void {
  const required = names.map((name) => command.options.find((option) => option.attributeName() === name)!);
  command.usage(["<model>", ...required.map(({ flags }) => flags), "[options]"].join(" "));
  command.hook("preAction", () => {
    const missing = required.find((option) => command.getOptionValue(option.attributeName()) === undefined);
    if (!missing) return;
    throw new UsageError(
      `${command.name()}: expected ${missing.flags}, got none; see \`secateur ${command.name()} --help\``,
    );
  });
}
