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

/** How long work may take to stop by itself: it looks at the signal between batches, and one batch can take a minute on a software driver. */
const GRACE_MS = 700;

/** Rejects with the signal's reason, some time after it was aborted, unless `done` is aborted before. */
function abandonment(signal: AbortSignal, done: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const begin = () => {
      const timer = setTimeout(() => reject(signal.reason), GRACE_MS);
      done.addEventListener("abort", () => clearTimeout(timer));
    };
    if (signal.aborted) begin();
    else signal.addEventListener("abort", begin, { once: true, signal: done });
  });
}

/** How a command line ended. */
export interface Ending {
  readonly exitCode: number;
  /** Whether work was left behind that did not stop soon after the signal: the process has to be ended then. */
  readonly unfinished: boolean;
}

export async function runCli(args: readonly string[], host: Host): Promise<Ending> {
  const json = args.includes("--json");
  let exitCode = 0;
  const context: CommandContext = { ...host, args, json, note: (text) => host.stderr.write(`${text}\n`) };
  const program = createProgram(context, ({ data, text, exitCode: code = 0 }) => {
    host.stdout.write(`${json ? JSON.stringify(data) : text}\n`);
    exitCode = code;
  });
  const done = new AbortController();
  let unfinished = true;
  const work = program.parseAsync(args, { from: "user" }).finally(() => {
    unfinished = false;
  });
  try {
    await Promise.race([work, abandonment(host.signal, done.signal)]);
    return { exitCode, unfinished };
  } catch (error) {
    const printed = error instanceof CommanderError ? PRINTED.get(error.code) : undefined;
    if (printed !== undefined) return { exitCode: printed, unfinished };
    // An abort can surface as the failure of whatever it cut short.
    const cause = host.signal.aborted ? host.signal.reason : error;
    const name = program.commands.find((command) => command.name() === args[0])?.name();
    const failure = describeFailure(cause, name ? `${PROGRAM} ${name}` : PROGRAM);
    if (json) host.stdout.write(`${JSON.stringify({ error: failure.line })}\n`);
    // Work that was left behind has not taken its progress off the line.
    host.stderr.write(`${host.stderr.isTTY ? "\r\x1b[K" : ""}${PROGRAM}: ${failure.line}\n`);
    if (process.env.SECATEUR_DEBUG && error instanceof Error) host.stderr.write(`${error.stack}\n`);
    return { exitCode: failure.exitCode, unfinished };
  } finally {
    done.abort();
  }
}
