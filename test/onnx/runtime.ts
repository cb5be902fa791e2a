/**
 * onnxruntime as WebAssembly, whose npm package brings all of it and needs no install script. It is large, so it has a package.json of its own and is
 * installed where tests first ask for it.
 */
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

/** What these tests use of onnxruntime-common. */
interface OrtTensor {
  readonly dims: readonly number[];
  readonly data: Float32Array;
}

export interface OrtSession {
  readonly inputNames: readonly string[];
  readonly outputNames: readonly string[];
  run(feeds: Record<string, OrtTensor>): Promise<Record<string, OrtTensor>>;
  release(): Promise<void>;
}

export interface OnnxRuntime {
  readonly env: { readonly wasm: { numThreads: number } };
  readonly InferenceSession: { create(model: Uint8Array): Promise<OrtSession> };
  readonly Tensor: new (type: "float32", data: Float32Array, dims: readonly number[]) => OrtTensor;
}

const folder = import.meta.dirname;

function isInstalled(): boolean {
  const version = (path: string) => JSON.parse(readFileSync(path, "utf8"));
  const installed = join(folder, "node_modules/onnxruntime-web/package.json");
  const wanted = version(join(folder, "package.json")).dependencies["onnxruntime-web"];
  return existsSync(installed) && version(installed).version === wanted;
}

/** Why npm could not reach a registry, if that is what went wrong. */
const unreachable = /code (ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ENETUNREACH|ETIMEDOUT|ENOTCACHED)/;

/** The runtime, or the reason why it cannot be had here. */
export function openOnnxRuntime(): OnnxRuntime | string {
  if (!isInstalled()) {
    try {
      execFileSync(
        "npm",
        ["ci", "--prefer-offline", "--no-audit", "--no-fund", "--fetch-retries=1", "--fetch-retry-mintimeout=2000"],
        {
          cwd: folder,
          encoding: "utf8",
          stdio: "pipe",
        },
      );
    } catch (error) {
      const [, code] = unreachable.exec((error as { stderr?: string }).stderr ?? "") ?? [];
      if (code === undefined) throw error;
      return `onnxruntime-web cannot be installed: the npm registry is out of reach (${code})`;
    }
  }
  const runtime: OnnxRuntime = createRequire(import.meta.url)("onnxruntime-web");
  runtime.env.wasm.numThreads = 1;
  return runtime;
}
