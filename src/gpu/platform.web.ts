/** Browsers: the adapter is the browser's, and waiting is its business. */
import { GpuError } from "../errors.js";
import { cachePlace, readCache, writeCache } from "./cache.web.js";
import type { AdapterKind, Platform } from "./platform.js";

const REMEDY =
  "use a current Chrome, Edge, Safari or Firefox on https or localhost; headless Chromium needs --enable-unsafe-webgpu --use-webgpu-adapter=swiftshader";

async function requestAdapter(): Promise<GPUAdapter | null> {
  return (await globalThis.navigator?.gpu?.requestAdapter({ powerPreference: "high-performance" })) ?? null;
}

export const platform: Platform = {
  async openAdapter(kind?: AdapterKind) {
    if (kind !== undefined && kind !== "browser") {
      throw new GpuError(`adapter: expected "browser" here, got "${kind}"; leave the kind out`);
    }
    const adapter = await requestAdapter();
    if (!adapter) throw new GpuError(`adapter: expected WebGPU in this browser, got no adapter; ${REMEDY}`);
    return { adapter, kind: "browser", reason: "the browser's high-performance adapter" };
  },

  async surveyAdapters() {
    const adapter = await requestAdapter();
    return [
      {
        kind: "browser",
        usable: adapter !== null,
        detail: adapter?.info.description || (adapter ? "available" : REMEDY),
      },
    ];
  },

  settle: (work) => work,
  cachePlace,
  readCache,
  writeCache,
};
