/** What Node does where an adapter, or the driver that a package carries, cannot be had. */
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { GpuError } from "../../src/errors.js";
import { unpackFromChromium } from "../../src/gpu/chromium-package.node.js";
import { Gpu } from "../../src/gpu/index.js";
import { remedies } from "../../src/gpu/remedies.node.js";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "secateur-test-"));
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true });
});

test("no adapter is one line that says what was looked for, what was found and what to do", async (context) => {
  vi.stubEnv("SECATEUR_ADAPTER", "hardware");
  const found = await Gpu.create().catch((error: Error) => error);
  if (found instanceof Gpu) {
    found.destroy();
    context.skip("this machine has a hardware GPU");
  }
  expect(found).toBeInstanceOf(GpuError);
  const { message } = found as GpuError;
  expect(message).toMatch(/^adapter: expected hardware, got none \(hardware: no [^\n]*\); [^\n]*$/);
  expect(message.endsWith(remedies())).toBe(true);
});

test("every system has a remedy", () => {
  expect(remedies("linux")).toMatch(/Ubuntu.*Debian/);
  expect(remedies("darwin")).toMatch(/macOS/);
  expect(remedies("win32")).toMatch(/Windows/);
  expect(remedies("freebsd")).toMatch(/no build of Dawn exists for freebsd: use/);
});

test("a driver that cannot be unpacked is an error with a remedy, and leaves nothing behind", (context) => {
  vi.stubEnv("TMPDIR", folder);
  if (!unpackFromChromium("swiftshader", [])) context.skip("@sparticuz/chromium is not installed here");
  for (const name of readdirSync(folder)) rmSync(join(folder, name), { recursive: true });
  const refusal = /expected to unpack @sparticuz\/chromium there, got "ENOENT[^\n]*; set TMPDIR to a folder with/;
  expect(() => unpackFromChromium("swiftshader", ["swiftshader.tar.br", "absent.br"])).toThrow(refusal);
  expect(readdirSync(folder)).toEqual([]);
  vi.stubEnv("TMPDIR", join(folder, "missing"));
  expect(() => unpackFromChromium("swiftshader", ["swiftshader.tar.br"])).toThrow(refusal);
});
