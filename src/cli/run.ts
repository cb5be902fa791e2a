/** Runs one command line: arguments in, streams written, exit code out. Never throws and never ends the process. */
import { CommanderError } from "commander";
import { describeFailure } from "./failure.js";
import type { CommandContext, Host } from "./host.js";
import { createProgram, PROGRAM } from "./program.js";

/** Exit codes after commander has printed something: it was asked for, or no command was given. */
const PRINTED = new Map([
  ["commander.helpDisplayed", 0],
  ["commander.version", 0],
  ["commander.help", 2],
]);

export async function runCli(args: readonly string[], host: Host): Promise<number> {
  const json = args.includes("--json");
  let exitCode = 0;
  const context: CommandContext = { ...host, args, json, note: (text) => host.stderr.write(`${text}\n`) };
  const program = createProgram(context, ({ data, text, exitCode: code = 0 }) => {
    host.stdout.write(`${json ? JSON.stringify(data) : text}\n`);
    exitCode = code;
  });
  try {
    await program.parseAsync(args, { from: "user" });
    return exitCode;
  } catch (error) {
    const printed = error instanceof CommanderError ? PRINTED.get(error.code) : undefined;
    if (printed !== undefined) return printed;
    // An abort can surface as the failure of whatever it cut short.
    const cause = host.signal.aborted ? host.signal.reason : error;
    const name = program.commands.find((command) => command.name() === args[0])?.name();
    const failure = describeFailure(cause, name ? `${PROGRAM} ${name}` : PROGRAM);
    if (json) host.stdout.write(`${JSON.stringify({ error: failure.line })}\n`);
    host.stderr.write(`${PROGRAM}: ${failure.line}\n`);
    if (process.env.SECATEUR_DEBUG && error instanceof Error) host.stderr.write(`${error.stack}\n`);
    return failure.exitCode;
  }
}
