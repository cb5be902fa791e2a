/** From whatever was thrown to one line and an exit code. */
import { CommanderError } from "commander";
import { FormatError, GpuError, KernelError, ShapeError, UsageError } from "../errors.js";

/** The reason of an abort by a signal of the operating system. */
export class Interrupted extends Error {
  override name = "Interrupted";

  constructor(
    readonly signal: NodeJS.Signals,
    readonly exitCode: number,
  ) {
    super("interrupted");
  }
}

export interface Failure {
  readonly line: string;
  readonly exitCode: number;
}

const OUR_ERRORS = [FormatError, GpuError, KernelError, ShapeError, UsageError];

/** Names of files may hold anything; a terminal obeys control characters. */
function oneLine(text: string): string {
  return text
    .replace(/\s+/g, " ")
    .replace(/\p{Cc}/gu, "?")
    .trim();
}

export function describeFailure(error: unknown, command: string): Failure {
  if (error instanceof Interrupted) return { line: "interrupted; nothing is half-written", exitCode: error.exitCode };
  if (error instanceof CommanderError) {
    const what = oneLine(error.message.replace(/^error: /, "")).replace(/\.$/, "");
    return { line: `${what}; see \`${command} --help\``, exitCode: 2 };
  }
  const message = error instanceof Error ? error.message : String(error);
  if (OUR_ERRORS.some((kind) => error instanceof kind)) return { line: oneLine(message), exitCode: 2 };
  const hint = "this is a bug of secateur; SECATEUR_DEBUG=1 shows where";
  return { line: `${oneLine(message)}; ${hint}`, exitCode: 1 };
}
