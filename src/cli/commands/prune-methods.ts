/** The methods that `prune` offers, and which of its options are for which of them. */
import type { Command } from "commander";
import { UsageError } from "../../errors.js";
import { isSearch, METHODS, type Method, SEARCHES } from "../../prune/methods/index.js";
import { SCORING } from "./help.js";

/** Also those that a command cannot compute, which refuse by a reason of their own. */
export const KNOWN_METHODS: ReadonlyMap<string, Method> = new Map<string, Method>([...METHODS, ...SEARCHES]);

const SEARCHING = [...SEARCHES.keys()];

/** Criteria, and what trains by itself. */
export const METHODS_OF_PRUNE = [
  ...[...METHODS.values()].flatMap(({ name, training }) => (training || SCORING.includes(name) ? [name] : [])),
  ...SEARCHING,
];

const TRAINING = [...METHODS.values()].flatMap(({ name, training }) => (training ? [name] : []));

const OF_TRAINING = [
  ...["train", "epochs", "lr", "minLr", "warmup", "weightDecay"],
  ...["labelSmoothing", "clip", "cropPadding", "flip"],
];
const OF_ROUNDS = ["rewindStep"];
const OF_SEARCHES = ["exits", "finetuneEpochs", "finetuneLr"];
/** What is one search's own. */
const OF_ONE_SEARCH: Readonly<Record<string, readonly string[]>> = {
  upop: ["searchInterval"],
  vtp: ["count", "penalty", "gateLr"],
  wdpruning: ["thresholdLr"],
};
const OF_SCORES = [
  ...["granularity", "scope", "pattern", "floor", "include"],
  ...["rounds", "schedule", "monotone", "calibration"],
];

/** @throws UsageError for options that the method makes no use of, or a training without data. */
export function checkOptionsOfMethod(command: Command): void {
  const { method, train } = command.opts<{ method: Method; train?: string }>();
  const search = isSearch(method);
  const trains = search || method.training !== undefined;
  if (search) refuse(command, OF_SCORES, "a method that scores");
  else refuse(command, OF_SEARCHES, `a method that searches (${SEARCHING.join(", ")})`);
  const own = search ? OF_ONE_SEARCH[method.name] : [];
  for (const [name, options] of Object.entries(OF_ONE_SEARCH)) {
    refuse(
      command,
      options.filter((option) => !own.includes(option)),
      name,
    );
  }
  if (search || !trains) refuse(command, OF_ROUNDS, `a method that trains around its rounds (${TRAINING.join(", ")})`);
  const { finetuneEpochs, finetuneLr } = command.opts<{ finetuneEpochs?: number; finetuneLr?: number }>();
  if (finetuneLr !== undefined && finetuneEpochs === undefined) {
    throw new UsageError("finetune-lr: expected --finetune-epochs with it, got none; add them or leave it out");
  }
  if (!trains) refuse(command, OF_TRAINING, `a method that trains (${[...TRAINING, ...SEARCHING].join(", ")})`);
  else if (train === undefined) {
    throw new UsageError(`${method.name}: expected data to train on, got none; give --train DATA`);
  }
}

/** @throws UsageError where one of the options is given. */
function refuse(command: Command, names: readonly string[], expected: string): void {
  const given = names.find((name) => command.getOptionValueSource(name) === "cli");
  if (given === undefined) return;
  const { long } = command.options.find((option) => option.attributeName() === given)!;
  const { method } = command.opts<{ method: Method }>();
  throw new UsageError(`${long!.slice(2)}: expected ${expected}, got ${method.name}; leave ${long} out`);
}
