#!/usr/bin/env node
import { Interrupted } from "./failure.js";
import { runCli } from "./run.js";

const controller = new AbortController();

/** Exit codes of a process that a signal ends: 128 and its number. */
for (const [signal, exitCode] of [
  ["SIGINT", 130],
  ["SIGTERM", 143],
] as const) {
  process.on(signal, () => {
    if (controller.signal.aborted) process.exit(exitCode);
    controller.abort(new Interrupted(exitCode));
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
