/**
 * `npm test`: all suites in Node on the adapter that SECATEUR_ADAPTER names (else the best one), then the kernel and tensor suites in the embedded
 * Chromium. Arguments go to vitest; `npm test -- test/io` and `npm test -- -t softmax` run in Node alone, with `--project browser` in the browser.
 */
import { parseCLI, startVitest } from "vitest/node";
import { bundle } from "./build.mjs";

const { filter, options } = parseCLI(["vitest", "run", ...process.argv.slice(2)]);
const pattern = options.testNamePattern && new RegExp(options.testNamePattern);
const narrowed = filter.length > 0 || pattern !== undefined;

const say = (line) => console.log(`test: ${line}`);

/** Tests that `-t` leaves out are no skipped tests. */
const isAsked = (test) => !pattern || pattern.test(test.fullName.replaceAll(" > ", " "));

function tally(vitest) {
  const counts = { passed: 0, failed: 0, skipped: 0 };
  for (const testModule of vitest.state.getTestModules()) {
    counts.failed += testModule.errors().length;
    for (const suite of testModule.children.allSuites()) counts.failed += suite.errors().length;
    for (const test of testModule.children.allTests()) {
      const { state } = test.result();
      if (state === "skipped" && !isAsked(test)) continue;
      counts[state === "pending" ? "failed" : state]++;
    }
  }
  counts.failed += vitest.state.getUnhandledErrors().length;
  return counts;
}

try {
  await bundle();
  say("dist/ is built");
} catch (error) {
  // Work on one room must not wait for the others to build.
  if (!narrowed) throw error;
  say("dist/ could not be built; tests of the command run the one before");
}
say(`adapter: ${process.env.SECATEUR_ADAPTER || "the best one here"}`);

const vitest = await startVitest("test", filter, {
  ...options,
  watch: false,
  project: options.project ?? (narrowed ? ["node"] : ["node", "browser"]),
  reporters: options.reporters ?? [process.stdout.isTTY ? "default" : "verbose"],
  hideSkippedTests: pattern !== undefined,
});
await vitest.close();

const counts = tally(vitest);
if (!narrowed && !options.project && !vitest.projects.some(({ name }) => name.startsWith("browser"))) {
  say("browser suites skipped: @sparticuz/chromium has no browser for this system (Linux x64 only)");
  counts.skipped++;
}
if (counts.passed + counts.failed + counts.skipped === 0) {
  say("no test matches");
  process.exitCode = 1;
}
if (process.exitCode && counts.failed === 0) counts.failed = 1;
if (counts.failed > 0) process.exitCode = 1;
console.log(`\n${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`);
