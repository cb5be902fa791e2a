/** Command lines run inside of the test's process, on tiny models and data made for it. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Host } from "../../src/cli/host.js";
import { runCli } from "../../src/cli/run.js";
import { Gpu } from "../../src/gpu/index.js";
import { encodeCheckpoint, encodeSafetensors, parseModelConfig, type ViTConfig } from "../../src/io/index.js";
import { initialViTWeights } from "../../src/nn/index.js";
import { sharedGpu } from "../harness/gpu.js";
import { uniforms } from "../harness/random.js";

export const TINY = { img_size: 8, patch_size: 4, in_chans: 1, embed_dim: 16, depth: 2, num_heads: 2, num_classes: 3 };

export class Workplace implements Disposable {
  readonly folder = mkdtempSync(join(tmpdir(), "secateur-cli-"));

  path(...parts: string[]): string {
    return join(this.folder, ...parts);
  }

  write(name: string, content: Uint8Array | string): string {
    mkdirSync(join(this.path(name), ".."), { recursive: true });
    writeFileSync(this.path(name), content);
    return this.path(name);
  }

  /** A model with fresh weights, spread so that scores differ. Returns its folder. */
  model(
    name = "model",
    settings: Record<string, unknown> = {},
    metadata: ReadonlyMap<string, string> = new Map(),
  ): string {
    const rawConfig = { ...TINY, ...settings };
    const config = parseModelConfig(rawConfig, name) as ViTConfig;
    const weights = initialViTWeights(config, 7);
    for (const [key, { data }] of weights)
      if (!key.includes("norm")) for (let i = 0; i < data.length; i++) data[i] *= 8;
    const files = encodeCheckpoint({ config, rawConfig, naming: "timm", weights, metadata });
    for (const [file, bytes] of files) this.write(join(name, file), bytes);
    return this.path(name);
  }

  /** Images of three kinds of stripes with noise, as a safetensors file. */
  data(name = "data.safetensors", count = 24, labels: readonly number[] = [0, 1, 2]): string {
    const noise = uniforms(count * 64, count, -1, 1);
    const images = new Float32Array(count * 64);
    const label = (sample: number) => labels[sample % labels.length];
    for (let i = 0; i < images.length; i++) {
      const [sample, y, x] = [Math.floor(i / 64), Math.floor(i / 8) % 8, i % 8];
      images[i] = [x % 2, y % 2, (x + y) % 2][sample % 3] + noise[i];
    }
    return this.write(
      name,
      encodeSafetensors([
        ["images", { dtype: "F32", shape: [count, 1, 8, 8], data: images }],
        [
          "labels",
          { dtype: "I64", shape: [count], data: BigInt64Array.from({ length: count }, (_, i) => BigInt(label(i))) },
        ],
      ]),
    );
  }

  /** Content of the files of a folder, by name. */
  files(name: string): Map<string, Buffer> {
    return new Map(
      readdirSync(this.path(name))
        .sort()
        .map((file) => [file, readFileSync(this.path(name, file))]),
    );
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

export interface CliResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a command line. The device is a guest on the shared one, unless another is given. */
export async function cli(args: readonly string[], host: Partial<Host> = {}): Promise<CliResult> {
  const written = { stdout: "", stderr: "" };
  const stream = (name: keyof typeof written) => ({
    write: (text: string) => {
      written[name] += text;
    },
  });
  const { exitCode } = await runCli(args, {
    stdout: stream("stdout"),
    stderr: stream("stderr"),
    signal: new AbortController().signal,
    openGpu: async () => Gpu.from((await sharedGpu()).device),
    ...host,
  });
  return { exitCode, ...written };
}

/** For command lines that must fail before a device is opened. */
export const noGpu = (): Promise<Gpu> => Promise.reject(new Error("a device was opened"));

/** Runs with --json, expects success and returns the document. */
// biome-ignore lint/suspicious/noExplicitAny: tests look into it
export async function cliJson(args: readonly string[]): Promise<any> {
  const { exitCode, stdout, stderr } = await cli([...args, "--json"]);
  if (exitCode !== 0) throw new Error(`exit code ${exitCode}: ${stderr}`);
  return JSON.parse(stdout);
}
