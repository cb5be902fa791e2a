/** Node: Dawn (npm `webgpu`) on a hardware GPU, on lavapipe, or on SwiftShader, in this order. */
import { existsSync } from "node:fs";
import { constants } from "node:os";
import { create, globals } from "webgpu";
import { GpuError } from "../errors.js";
import { cachePlace, readCache, writeCache } from "./cache.node.js";
import { isSoftware } from "./info.js";
import type { AdapterFinding, AdapterKind, OpenedAdapter, Platform } from "./platform.js";
import { remedies } from "./remedies.node.js";
import { type SwiftShaderFiles, swiftShaderFiles } from "./swiftshader.node.js";

Object.assign(globalThis, globals);

const KINDS = ["hardware", "lavapipe", "swiftshader"] as const;
type NodeKind = (typeof KINDS)[number];

/** Older Mesa lacks features that Dawn demands; Debian 12's own 22.3 is the known case. */
const OLDEST_MESA = 23;
const RTLD_NODELETE = 0x1000;

const DAWN_OPTIONS = [
  "enable-dawn-features=allow_unsafe_apis,vulkan_enable_f16_on_nvidia",
  "disable-dawn-features=timestamp_quantization",
];

/** Dawn's instances: collecting one while its devices live ends the process. */
const instances: GPU[] = [];

async function request(...options: string[]): Promise<GPUAdapter | undefined> {
  const gpu = create([...DAWN_OPTIONS, ...options]);
  try {
    const adapter = await gpu.requestAdapter({ powerPreference: "high-performance" });
    if (!adapter || adapter.info.device === "null-backend") return undefined;
    instances.push(gpu);
    return adapter;
  } catch {
    return undefined; // Dawn rejects when no adapter fits the options
  }
}

const describe = ({ info }: GPUAdapter): string =>
  info.description || `${info.vendor} ${info.architecture} ${info.device}`;

type Attempt = { adapter: GPUAdapter; detail: string } | { adapter?: undefined; detail: string };

/** A lavapipe that the system offered where a GPU was looked for: each listing of adapters has Dawn warn on stderr. */
let offered: GPUAdapter | undefined;

async function openHardware(): Promise<Attempt> {
  const adapter = await request();
  if (!adapter) return { detail: "no Vulkan, Metal or Direct3D 12 driver found" };
  if (isSoftware(adapter.info)) {
    if (/llvmpipe/.test(describe(adapter))) offered = adapter;
    return { detail: `no GPU driver: the system only offers ${describe(adapter)}` };
  }
  return { adapter, detail: describe(adapter) };
}

async function openLavapipe(): Promise<Attempt> {
  const adapter = offered ?? (await request("adapter=llvmpipe"));
  offered = undefined; // an adapter opens one device
  if (!adapter) return { detail: "Mesa's lavapipe is not installed" };
  const version = Number(/Mesa (\d+)/.exec(adapter.info.description)?.[1] ?? 0);
  if (version < OLDEST_MESA) return { detail: `${describe(adapter)}: older than Mesa ${OLDEST_MESA}` };
  return { adapter, detail: describe(adapter) };
}

async function openSwiftShader(): Promise<Attempt> {
  let files: SwiftShaderFiles | undefined;
  try {
    files = swiftShaderFiles();
  } catch (error) {
    return { detail: (error as Error).message };
  }
  if (!files) return { detail: "the npm package @sparticuz/chromium is not installed (Linux x64 only)" };
  loadVulkanLoader(files.loader);
  const previous = { files: process.env.VK_ICD_FILENAMES, drivers: process.env.VK_DRIVER_FILES };
  process.env.VK_ICD_FILENAMES = files.icd;
  process.env.VK_DRIVER_FILES = files.icd;
  const adapter = await request("adapter=SwiftShader");
  restore("VK_ICD_FILENAMES", previous.files);
  restore("VK_DRIVER_FILES", previous.drivers);
  if (!adapter) return { detail: `${files.icd} does not answer` };
  return { adapter, detail: `${describe(adapter)} (@sparticuz/chromium ${files.version})` };
}

function restore(name: string, value: string | undefined): void {
  if (value === undefined) delete process.env[name];
  else process.env[name] = value;
}

const SYSTEM_LOADERS = [
  "/usr/lib/x86_64-linux-gnu",
  "/usr/lib64",
  "/usr/lib",
  "/lib/x86_64-linux-gnu",
  "/usr/local/lib",
];

/**
 * Makes a bundled libvulkan.so.1 the one that Dawn finds by name. Opening it as an addon fails, as it is none, but RTLD_NODELETE keeps it in the
 * process, and the dynamic linker reuses a library whose soname it has: so LD_LIBRARY_PATH need not be set before the process starts.
 */
function loadVulkanLoader(path: string): void {
  if (SYSTEM_LOADERS.some((folder) => existsSync(`${folder}/libvulkan.so.1`))) return;
  try {
    process.dlopen({ exports: {} }, path, constants.dlopen.RTLD_LAZY | RTLD_NODELETE);
  } catch {}
}

const OPENERS: Record<NodeKind, () => Promise<Attempt>> = {
  hardware: openHardware,
  lavapipe: openLavapipe,
  swiftshader: openSwiftShader,
};

function wantedKind(kind: AdapterKind | undefined): NodeKind | undefined {
  const source = kind === undefined ? "SECATEUR_ADAPTER" : "adapter";
  const value = kind ?? process.env.SECATEUR_ADAPTER;
  if (!value) return undefined;
  const known = KINDS.find((candidate) => candidate === value);
  if (!known)
    throw new GpuError(`${source}: expected ${KINDS.join(", ")}, got "${value}"; unset it to choose automatically`);
  return known;
}

const sleepCell = new Int32Array(new SharedArrayBuffer(4));
const POLL_AFTER_MS = 0.5;
/** Sleeps between two looks at the device: in long waits longer, as they take a core from a software driver. */
const SHORTEST_SLEEP_MS = 1;
const LONGEST_SLEEP_MS = 8;
const SLEEP_SHARE = 1 / 16;

export const platform: Platform = {
  cachePlace,
  readCache,
  writeCache,

  async openAdapter(kind): Promise<OpenedAdapter> {
    const wanted = wantedKind(kind);
    const failures: string[] = [];
    for (const candidate of wanted ? [wanted] : KINDS) {
      const { adapter, detail } = await OPENERS[candidate]();
      if (adapter) {
        const reason = wanted
          ? `${wanted} was asked for`
          : failures.length > 0
            ? failures.join("; ")
            : "a hardware GPU comes first";
        return { adapter, kind: candidate, reason };
      }
      failures.push(`${candidate}: ${detail}`);
    }
    throw new GpuError(
      `adapter: expected ${wanted ?? "any WebGPU adapter"}, got none (${failures.join("; ")}); ${remedies()}`,
    );
  },

  async surveyAdapters() {
    const findings: AdapterFinding[] = [];
    for (const kind of KINDS) {
      const { adapter, detail } = await OPENERS[kind]();
      findings.push({ kind, usable: adapter !== undefined, detail });
    }
    return findings;
  },

  async settle(work, software) {
    if (!software) return work;
    // Dawn polls from setImmediate without pause and would take a core from the driver.
    let pending = true;
    const done = () => {
      pending = false;
    };
    work.then(done, done);
    const start = performance.now();
    while (pending) {
      await new Promise((resolve) => setImmediate(resolve));
      const waited = performance.now() - start;
      if (!pending || waited <= POLL_AFTER_MS) continue;
      const sleep = Math.min(Math.max(SHORTEST_SLEEP_MS, waited * SLEEP_SHARE), LONGEST_SLEEP_MS);
      Atomics.wait(sleepCell, 0, 0, sleep);
    }
    return work;
  },
};
