#!/usr/bin/env node
import { constants } from "node:os";
import { describeFailure, Interrupted } from "./failure.js";
import { PROGRAM } from "./program.js";
import { runCli } from "./run.js";

const controller = new AbortController();
const { signal } = controller;

/**
 * Ends a process whose device still computes. `process.exit` would unload the driver under its own threads, which can crash it; a signal's default
 * action unloads nothing, and a shell sees the same exit code.
 */
function dieOf(name: NodeJS.Signals, exitCode: number): void {
  process.emit("exit", exitCode); // removes unfinished output
  process.removeAllListeners(name);
  process.kill(process.pid, name);
}

for (const name of ["SIGINT", "SIGTERM"] as const) {
  const reason = new Interrupted(name, 128 + constants.signals[name]);
  process.on(name, () => {
    if (!signal.aborted) return controller.abort(reason);
    process.stderr.write(`${PROGRAM}: ${describeFailure(reason, PROGRAM).line}\n`);
    dieOf(name, reason.exitCode);
  });
}

/** The reader of a pipe may leave early, as `head` does. */
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  process.exit(error.code === "EPIPE" ? 0 : 1);
});

const { exitCode, unfinished } = await runCli(process.argv.slice(2), {
  stdout: process.stdout,
  stderr: process.stderr,
  signal,
  openGpu: async () => {
    const [{ Gpu }, { commandTuning }] = await Promise.all([import("../gpu/index.js"), import("./tuning.js")]);
    return Gpu.create({ tuning: await commandTuning(process.env.SECATEUR_TUNING) });
  },
});
process.exitCode = exitCode;
if (unfinished && signal.reason instanceof Interrupted) dieOf(signal.reason.signal, exitCode);
