/** Gates become part of the weights beside them: columns of what reads a gated activation, rows of what writes it. */
import { UsageError } from "../../errors.js";
import { map } from "../../kernels/map.js";
import { type Model, type Parameter, requireFloat32 } from "../../nn/index.js";
import type { Tensor } from "../../tensor/index.js";

/** Layers of a block whose columns or rows take the gates of a site in. */
interface Fold {
  readonly columns?: string;
  readonly rows?: readonly string[];
  /** An activation function lies between gate and reader, which only gates of 0 and 1 pass. */
  readonly zeroOne?: boolean;
}

const FOLDS: Readonly<Record<string, Fold>> = {
  "attn.in": { columns: "attn.qkv" },
  "attn.qkvHead": { rows: ["attn.qkv"] },
  "attn.headDim": { rows: ["attn.qkv"] },
  "attn.head": { columns: "attn.proj" },
  "attn.out": { columns: "attn.proj" },
  "attn.residual": { rows: ["attn.proj"] },
  "mlp.in": { columns: "mlp.fc1" },
  "mlp.hidden": { rows: ["mlp.fc1"], zeroOne: true },
  "mlp.neuron": { columns: "mlp.fc2" },
  "mlp.residual": { rows: ["mlp.fc2"] },
  "block.attn": { rows: ["attn.proj"] },
  "block.mlp": { rows: ["mlp.fc2"] },
  block: { rows: ["attn.proj", "mlp.fc2"] },
};

/** A parameter, and the rule by which its elements belong to gates. */
interface Target {
  readonly parameter: Parameter;
  readonly inner: number;
}

/**
 * Multiplies the gates of a transformer into its weights and takes them away; it goes on computing the same.
 * @throws UsageError for a gate that no weight can take in, such as one of tokens, or one before an activation function that is neither 0 nor 1; nothing is
 *   changed then.
 */
export async function foldGates(model: Model): Promise<void> {
  requireFloat32(model, "gates into weights");
  const { gates, gpu } = model;
  const folds: { gate: Tensor; targets: readonly Target[] }[] = [];
  for (const [place, gate] of gates) folds.push({ gate, targets: await targetsOf(model, place, gate) });
  for (const { gate, targets } of folds) {
    const { buffer, size: period } = gate;
    for (const { parameter, inner } of targets) {
      const { value: y, size: length } = parameter;
      map(gpu, "w * g", { g: { buffer, inner, period } }, { y, length, inPlace: "w" });
    }
  }
  gates.clear();
}

async function targetsOf(model: Model, place: string, gate: Tensor): Promise<Target[]> {
  const inner = model.gates.places.get(place)!.inner;
  if (/(^|\.)embed$/.test(place)) return normTargets(model, place);
  const [, block, site] = /^(.*blocks\.\d+)\.(.+)$/.exec(place) ?? [];
  const fold = FOLDS[site];
  if (!fold) throw refusal(place, "a place of a transformer's blocks or channels", "another", "leave it out");
  if (fold.zeroOne && (await gate.read()).some((value) => value !== 0 && value !== 1)) {
    throw refusal(place, "values of 0 and 1 before an activation function", "others", "gate its output instead");
  }
  const columns = fold.columns ? [columnTarget(model, place, gate, `${block}.${fold.columns}.weight`)] : [];
  return [...columns, ...(fold.rows ?? []).flatMap((layer) => rowTargets(model, `${block}.${layer}`, inner))];
}

function columnTarget({ parameters, gates }: Model, place: string, gate: Tensor, name: string): Target {
  const parameter = parameters.get(name);
  const { inner } = gates.places.get(place)!;
  const [, columns] = parameter.value.shape;
  if (columns === gate.size * inner) return { parameter, inner };
  throw refusal(place, `${columns} columns of ${name}`, `gates of ${gate.size * inner}`, "fold before cutting");
}

/** Rows of a layer and their biases; none where a cut block has no such branch. */
function rowTargets({ parameters }: Model, layer: string, inner: number): Target[] {
  if (!parameters.has(`${layer}.weight`)) return [];
  const weight = parameters.get(`${layer}.weight`);
  const rows = { parameter: weight, inner: inner * weight.value.shape[1] };
  return parameters.has(`${layer}.bias`) ? [rows, { parameter: parameters.get(`${layer}.bias`), inner }] : [rows];
}

/** Gates of channels stand behind every norm. */
function normTargets({ parameters }: Model, place: string): Target[] {
  const norms = /^(blocks\.\d+\.(cross_)?norm\d?|(exits\.\d+\.)?norm|fc_norm)\.(weight|bias)$/;
  const prefix = place.slice(0, -"embed".length);
  return [...parameters]
    .filter(({ name }) => name.startsWith(prefix) && norms.test(name.slice(prefix.length)))
    .map((parameter) => ({ parameter, inner: 1 }));
}

const refusal = (place: string, expected: string, got: string, remedy: string) =>
  new UsageError(`fold ${place}: expected ${expected}, got ${got}; ${remedy}`);
