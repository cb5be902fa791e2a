/** The command line's grammar. Commands load what they run only when they run: help and complaints come without opening a driver. */
import { Command } from "commander";
import { defineBench } from "./commands/bench.js";
import { defineCompact } from "./commands/compact.js";
import { defineDemo } from "./commands/demo.js";
import { defineDoctor } from "./commands/doctor.js";
import { defineEval } from "./commands/eval.js";
import { defineExport } from "./commands/export.js";
import { defineInfo } from "./commands/info.js";
import { definePrune } from "./commands/prune.js";
import { defineSaliency } from "./commands/saliency.js";
import { defineShapes } from "./commands/shapes.js";
import { defineTraining } from "./commands/train.js";
import { defineTune } from "./commands/tune.js";
import type { CommandContext, Outcome } from "./host.js";
import { versions } from "./version.js";

export const PROGRAM = "secateur";

type Action<A extends unknown[]> = (context: CommandContext, ...args: A) => Promise<Outcome>;

/** Makes a commander action of one that is loaded when it is called. */
export type Run = <A extends unknown[]>(load: () => Promise<Action<A>>) => (...args: A) => Promise<void>;

export function createProgram(context: CommandContext, finish: (outcome: Outcome) => void): Command {
  const program = new Command(PROGRAM)
    .description(
      "Prunes Vision Transformers with WebGPU kernels: scores weights, masks the least, reports what is lost.",
    )
    .version(versions().secateur)
    .helpOption("-h, --help", "show this help")
    .helpCommand(false)
    .exitOverride()
    // Complaints are thrown, and printed in one place.
    .configureOutput({
      writeOut: (text) => context.stdout.write(text),
      writeErr: (text) => context.stdout.write(text),
      outputError: () => {},
    });
  const run: Run =
    (load) =>
    async (...args) => {
      const action = await load();
      context.signal.throwIfAborted();
      finish(await action(context, ...args));
    };
  program.commandsGroup("Pruning:");
  definePrune(program, run);
  defineSaliency(program, run);
  defineCompact(program, run);
  defineShapes(program, run);
  program.commandsGroup("Models:");
  defineEval(program, run);
  defineTraining(program, run);
  defineInfo(program, run);
  defineExport(program, run);
  program.commandsGroup("This machine:");
  defineDoctor(program, run);
  defineBench(program, run);
  defineTune(program, run);
  defineDemo(program, run);
  for (const command of program.commands) {
    command.optionsGroup("Output:").option("--json", "print one JSON document on stdout, and nothing else there");
  }
  return program;
}
