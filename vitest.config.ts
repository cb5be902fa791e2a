import { fileURLToPath } from "node:url";
import { playwright } from "@vitest/browser-playwright";
import { defineConfig } from "vitest/config";
import { embeddedChromium } from "./test/browser/chromium.js";

const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url));

const launchOptions = embeddedChromium();

const shared = {
  testTimeout: 600_000,
  hookTimeout: 600_000,
  // Two cores and a software driver: parallel files would only take the driver's cores away.
  fileParallelism: false,
  // All files share one device.
  isolate: false,
};

export default defineConfig({
  test: {
    projects: [
      {
        resolve: { alias: { "#platform": path("./src/gpu/platform.node.ts") } },
        test: { ...shared, name: "node", include: ["test/**/*.test.ts"], pool: "forks", sequence: { groupOrder: 0 } },
      },
      {
        resolve: { alias: { "#platform": path("./src/gpu/platform.web.ts") } },
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
      },
    ],
  },
});
