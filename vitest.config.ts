import { fileURLToPath } from "node:url";
import { playwright } from "@vitest/browser-playwright";
import { defineConfig, type TestProjectInlineConfiguration } from "vitest/config";
import { embeddedChromium } from "./test/browser/chromium.js";

const platform = (host: "node" | "web") => ({
  "#platform": fileURLToPath(new URL(`./src/gpu/platform.${host}.ts`, import.meta.url)),
});

const shared = {
  testTimeout: 600_000,
  hookTimeout: 600_000,
  // Two cores and a software driver: parallel files would only take the driver's cores away.
  fileParallelism: false,
  // All files share one device.
  isolate: false,
};

const node: TestProjectInlineConfiguration = {
  resolve: { alias: platform("node") },
  test: {
    ...shared,
    name: "node",
    include: ["test/**/*.test.ts"],
    exclude: ["test/package/**", "test/onnx/**"],
    pool: "forks",
    execArgv: ["--expose-gc"],
    sequence: { groupOrder: 0 },
  },
};

/** The packed tarball; installs from the registry, so it runs only when asked for. */
const packed: TestProjectInlineConfiguration = {
  test: { ...shared, name: "package", include: ["test/package/**/*.test.ts"], sequence: { groupOrder: 2 } },
};

/** Exported files in onnxruntime; installs it from the registry, so it runs only when asked for. */
const onnx: TestProjectInlineConfiguration = {
  resolve: { alias: platform("node") },
  test: { ...shared, name: "onnx", include: ["test/onnx/*.test.ts"], pool: "forks", sequence: { groupOrder: 3 } },
};

const launchOptions = embeddedChromium();

const browser: TestProjectInlineConfiguration = {
  resolve: { alias: platform("web") },
  test: {
    ...shared,
    name: "browser",
    include: ["test/{gpu,kernels,tensor}/**/*.test.ts"],
    exclude: ["**/*.node.test.ts"],
    sequence: { groupOrder: 1 },
    browser: {
      enabled: true,
      headless: true,
      screenshotFailures: false,
      provider: playwright({ launchOptions }),
      instances: [{ browser: "chromium" }],
    },
  },
};

export default defineConfig({
  test: { projects: launchOptions ? [node, browser, packed, onnx] : [node, packed, onnx] },
});
