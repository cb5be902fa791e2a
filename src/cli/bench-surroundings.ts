/** When, by which versions and on what something was timed, for the JSON of benches. */
import { cpus } from "node:os";
import type { BenchResult } from "../../bench/result.js";
import type { Gpu } from "../gpu/index.js";
import { versions } from "./version.js";

export type Surroundings = Pick<BenchResult, "date" | "versions" | "adapter" | "host">;

export function surroundings({ info }: Gpu, start = new Date()): Surroundings {
  const { kind, vendor, architecture, device, description } = info;
  const [{ model } = { model: "unknown" }, ...others] = cpus();
  return {
    date: start.toISOString(),
    versions: versions(),
    adapter: { kind, vendor, architecture, device, description },
    host: { processor: model, cores: others.length + 1 },
  };
}
