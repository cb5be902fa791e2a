import type { BenchResult, Measurement } from "../../bench/result.js";

export const measurement = (settings: Partial<Measurement> = {}): Measurement => ({
  name: "matmul 8x8x8",
  family: "matmul",
  samples: [2, 2.1, 2.2],
  repeats: 10,
  milliseconds: 2,
  median: 2.1,
  cpu: 3.9,
  compile: 120,
  dispatches: 1,
  api: 12.5,
  peakBytes: 1_000_000,
  flops: 2e7,
  bytes: 1e6,
  gflops: 10,
  gigabytesPerSecond: 0.5,
  percent: 10,
  ...settings,
});

export const result = (settings: Partial<BenchResult> = {}): BenchResult => ({
  schema: 1,
  complete: true,
  date: "2026-01-02T03:04:05.678Z",
  versions: { secateur: "0.1.0", node: "20.0.0", dawn: "0.6.2" },
  adapter: { kind: "lavapipe", vendor: "mesa", architecture: "", device: "", description: "llvmpipe" },
  host: { processor: "a processor", cores: 2 },
  tuning: {},
  fallback: null,
  ceilings: { arithmetic: 100, bandwidth: 15 },
  rows: [measurement()],
  omitted: [],
  ...settings,
});
