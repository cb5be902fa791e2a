import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { test } from "vitest";
import { encodeSafetensors, expectedParameters, type HostTensor, type ViTConfig } from "../../src/io/index.js";

export const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

export const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);

export const jsonBytes = (value: unknown): Uint8Array => utf8(JSON.stringify(value));

/** x' = 1664525 x + 1013904223 mod 2^32; each byte is the upper one of a state. */
export function noise(length: number, seed = 1): Uint8Array {
  let state = seed;
  return Uint8Array.from({ length }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state >>> 24;
  });
}

/** Path of real inputs beside the repository, which not every checkout has. */
export const sharedPath = (path: string): string => fileURLToPath(new URL(`../../../shared/${path}`, import.meta.url));

/** A test that shows as skipped, with the reason, where `../shared` is absent. */
export function sharedTest(name: string, run: () => void | Promise<void>): void {
  if (existsSync(sharedPath("goldens"))) test(name, run);
  else test.skip(`${name} (../shared is absent)`, run);
}

export const tinyWords = { img_size: 8, patch_size: 4, embed_dim: 6, depth: 2, num_heads: 2, num_classes: 3 };

/** Weights for a config, every value different. */
export function numberedWeights(config: ViTConfig): Map<string, HostTensor<"F32">> {
  let next = 0;
  return new Map(
    Array.from(expectedParameters(config), ([name, shape]) => {
      const length = shape.reduce((a, b) => a * b, 1);
      return [name, { dtype: "F32", shape, data: Float32Array.from({ length }, () => next++ / 64) }];
    }),
  );
}

export const tensorFile = (tensors: Record<string, HostTensor>): Uint8Array =>
  encodeSafetensors(Object.entries(tensors));
