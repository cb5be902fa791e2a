#!/usr/bin/env node
import { describeFailure, Interrupted } from "./failure.js";
import { PROGRAM } from "./program.js";
import { runCli } from "./run.js";

const controller = new AbortController();

/** Exit codes of a process that a signal ends: 128 and its number. */
for (const [signal, exitCode] of [
  ["SIGINT", 130],
  ["SIGTERM", 143],
] as const) {
  process.on(signal, () => {
    const reason = new Interrupted(exitCode);
    if (controller.signal.aborted) {
      process.stderr.write(`${PROGRAM}: ${describeFailure(reason, PROGRAM).line}\n`);
      process.exit(exitCode);
    }
    controller.abort(reason);
  });
}

/** The reader of a pipe may leave early, as `head` does. */
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  process.exit(error.code === "EPIPE" ? 0 : 1);
});

process.exitCode = await runCli(process.argv.slice(2), {
  stdout: process.stdout,
  stderr: process.stderr,
  signal: controller.signal,
  openGpu: async () => (await import("../gpu/index.js")).Gpu.create(),
});
// What an interrupted command has left behind would keep the process alive.
if (controller.signal.aborted) process.exit();
