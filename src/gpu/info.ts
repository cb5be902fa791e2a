/** What is known of the adapter behind a device. */
import type { AdapterKind } from "./platform.js";

/** The adapter behind a device, in its own words and in ours. */
export interface AdapterSummary {
  readonly kind: AdapterKind;
  readonly vendor: string;
  readonly architecture: string;
  readonly device: string;
  /** Device and driver in the driver's own words. */
  readonly description: string;
  /** True for drivers that compute on the CPU; kernels choose other variants there, and the host sleeps while it waits. */
  readonly software: boolean;
  /** Invocations a subgroup, or undefined when the device has no subgroups or does not fix their size. */
  readonly subgroupSize: number | undefined;
  /** Sides of the matrices that its matrix units multiply in f16 and add up in f32: m x k by k x n. */
  readonly matrixSides: MatrixSides | undefined;
  readonly reason: string;
}

/** What `subgroup_matrix` types are made with. */
export interface MatrixSides {
  readonly m: number;
  readonly n: number;
  readonly k: number;
}

/** Dawn's list, which no standard has yet. */
interface MatrixConfig {
  readonly componentType: string;
  readonly resultComponentType: string;
  readonly M: number;
  readonly N: number;
  readonly K: number;
}

function matrixSides(info: object | undefined): MatrixSides | undefined {
  const { subgroupMatrixConfigs = [] } = (info ?? {}) as { subgroupMatrixConfigs?: readonly MatrixConfig[] };
  const found = subgroupMatrixConfigs.find(
    ({ componentType, resultComponentType }) => componentType === "f16" && resultComponentType === "f32",
  );
  return found && { m: found.M, n: found.N, k: found.K };
}

const SOFTWARE = /llvmpipe|lavapipe|swiftshader|basic render|software/i;

type Described = Pick<GPUAdapterInfo, "architecture" | "device" | "description"> & { isFallbackAdapter?: boolean };

/** Whether an adapter computes on the CPU. */
export const isSoftware = ({ isFallbackAdapter, architecture, device, description }: Described): boolean =>
  Boolean(isFallbackAdapter) || SOFTWARE.test(`${architecture} ${device} ${description}`);

/** What kind of adapter the caller passed: `host` where its words leave that open. */
export function kindOf(info: GPUAdapterInfo): AdapterKind {
  const words = `${info.architecture} ${info.device} ${info.description}`;
  if (/llvmpipe|lavapipe/i.test(words)) return "lavapipe";
  if (/swiftshader/i.test(words)) return "swiftshader";
  return isSoftware(info) || words.trim() === "" ? "host" : "hardware";
}

export function summarize(info: GPUAdapterInfo | undefined, kind: AdapterKind, reason: string): AdapterSummary {
  const { vendor = "", architecture = "", device = "", description = "" } = info ?? {};
  const fixed = info?.subgroupMinSize !== undefined && info.subgroupMinSize === info.subgroupMaxSize;
  return {
    kind,
    vendor,
    architecture,
    device,
    description: description || [vendor, architecture, device].filter(Boolean).join(" ") || "unknown adapter",
    software: isSoftware({ isFallbackAdapter: info?.isFallbackAdapter, architecture, device, description }),
    subgroupSize: fixed ? info.subgroupMinSize : undefined,
    matrixSides: matrixSides(info),
    reason,
  };
}
