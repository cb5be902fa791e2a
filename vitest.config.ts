import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url));

export default defineConfig({
  resolve: { alias: { "#platform": path("./src/gpu/platform.node.ts") } },
  test: {
    include: ["test/**/*.test.ts"],
    testTimeout: 600_000,
    hookTimeout: 600_000,
    // Two cores and a software driver: parallel files would only take the driver's cores away.
    fileParallelism: false,
    isolate: false,
    pool: "forks",
  },
});
