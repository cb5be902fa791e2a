/**
 * The shape of `report.json`, and the input of `renderReport`. Every key is always present; `null` says that a value
 * is absent or was not measured. There is no date and, but for images a second where a model was cut, no duration: the
 * same command twice gives the same bytes.
 *
 * Shares (accuracies, sparsities, densities) are fractions from 0 to 1. FLOPs are per image, two for each
 * multiply-accumulate. This room knows no GPU, no file system and no model: plain data in, strings out.
 */

/** A measured number; `null` (or a number that is not finite) says that there is none. */
export type Measure = number | null;

export type SettingValue = string | number | boolean | null | readonly number[];

export interface Versions {
  readonly secateur: string;
  readonly node: string | null;
  /** Version of the `webgpu` (Dawn) package. */
  readonly dawn: string | null;
}

/** A plain object: the fields of a `GPUAdapterInfo` are getters, which JSON leaves out. */
export interface AdapterSummary {
  readonly vendor: string;
  readonly architecture: string;
  readonly device: string;
  readonly description: string;
  /** `hardware`, `lavapipe`, `swiftshader` or `browser`. */
  readonly kind: string;
}

export interface ModelSummary {
  readonly name: string;
  readonly config: Readonly<Record<string, SettingValue>>;
  /** All parameters of the dense model, prunable or not. */
  readonly parameters: Measure;
  readonly flops: Measure;
}

export interface DatasetSummary {
  readonly name: string;
  readonly examples: number;
  readonly classes: number;
}

/** What is common to all runs of a report. */
export interface Settings {
  /** What is ranked together. */
  readonly scope: string;
  /** The unit that is removed. */
  readonly granularity: string;
  readonly schedule: string;
  readonly rounds: number;
  readonly batch: number;
  readonly examplesPerClass: number | null;
  /** Whether the authors' code was followed bit for bit, slips included. */
  readonly reference: boolean;
  /** Data, epochs, learning rate and the like, where a run trains between its rounds. */
  readonly finetune: Readonly<Record<string, SettingValue>> | null;
}

export interface Evaluation {
  readonly top1: Measure;
  readonly top5: Measure;
  /** Mean cross entropy in nats. */
  readonly loss: Measure;
  readonly examples: number;
  /** Examples whose logits are not all finite; they count as wrong. */
  readonly nonFinite: number;
}

export interface Round {
  /** Counted from 1. */
  readonly round: number;
  /** Density that the schedule asks for after this round. */
  readonly targetDensity: number;
  /** Units kept after this round. */
  readonly kept: number;
  /** Units that can be pruned. */
  readonly total: number;
  /** Largest score that is pruned; `null` where nothing is pruned or where every layer has its own. */
  readonly threshold: Measure;
}

export interface LayerDensity {
  readonly name: string;
  /** Part of the network that is drawn together, such as `blocks.3`. */
  readonly group: string;
  /** Role inside the group: `qkv`, `proj`, `fc1`, `fc2`, `patch_embed`, `head`, ... */
  readonly kind: string;
  readonly shape: readonly number[];
  /** Weights, not units: a pruned head removes all of its weights. */
  readonly total: number;
  readonly kept: number;
  /** FLOPs per image that the dense layer's weights take; `null` where unknown. */
  readonly flops: Measure;
}

/** How many scores fell into a class, and how many of them belong to pruned units. */
export interface Tally {
  readonly count: number;
  readonly pruned: number;
}

/**
 * Scores in bins, `[edges[i], edges[i + 1])` with the last one closed. Each score is counted once: in a bin or in one
 * of the tallies.
 */
export interface Histogram {
  /** What was counted: `all layers`, or a kind or layer. */
  readonly label: string;
  /** `log` when no score is negative, else `symlog`: x lies at sign(x) log(1 + |x| / core). */
  readonly scale: "log" | "symlog";
  /** About where a symlog scale turns from linear to logarithmic; `null` on a log one. */
  readonly core: Measure;
  /** One more than there are bins; empty when nothing falls into a bin. */
  readonly edges: readonly number[];
  readonly counts: readonly number[];
  readonly pruned: readonly number[];
  /** Zeros, which have no place on a log scale; empty on a symlog one, whose bins hold them. */
  readonly zeros: Tally;
  /** Positive scores in the long tail left of the first edge of a log scale. */
  readonly below: Tally;
  readonly infinite: Tally;
  readonly nan: Tally;
  readonly threshold: Measure;
}

/** What a model takes up, and how fast it runs. */
export interface Footprint {
  readonly parameters: Measure;
  readonly flops: Measure;
  /** Of `model.safetensors`. */
  readonly bytes: Measure;
  /** Of the fastest of several passes, in turns with the other model. */
  readonly imagesPerSecond: Measure;
}

/** A model before and after what was pruned was cut out of it, measured in one run. */
export interface Compacted {
  /** Images in a batch whose speed was measured. */
  readonly batch: number;
  readonly dense: Footprint;
  readonly compact: Footprint;
}

/** A network up to one of the depths that it may end at. */
export interface DepthSummary {
  /** Blocks. */
  readonly depth: number;
  /** Those that masks keep, with the classifier that is there and no other. */
  readonly parameters: Measure;
  /** With everything trained that is trained. */
  readonly top1: Measure;
}

/** One pruned model. */
export interface Run {
  readonly method: string;
  /** The saliency that ranked the units; often the method's own name. */
  readonly criterion: string;
  /** The sparsity that was asked for. */
  readonly sparsity: number;
  readonly pruned: Evaluation | null;
  readonly finetuned: Evaluation | null;
  /** Parameters of the whole model that are not masked. */
  readonly parameters: Measure;
  /** FLOPs per image that the kept parameters take. */
  readonly flops: Measure;
  /** `null` where nothing was cut out. */
  readonly compacted: Compacted | null;
  /** The whole network last; empty where it ends at one depth only. */
  readonly depths: readonly DepthSummary[];
  readonly rounds: readonly Round[];
  readonly layers: readonly LayerDensity[];
  /** The first one is drawn large and the others small beneath it. */
  readonly histograms: readonly Histogram[];
}

export interface Report {
  /** Version of this shape. */
  readonly schema: 1;
  readonly versions: Versions;
  readonly seed: number;
  /** Program and arguments, unquoted. */
  readonly command: readonly string[];
  readonly adapter: AdapterSummary | null;
  readonly model: ModelSummary;
  readonly data: { readonly calibration: DatasetSummary | null; readonly evaluation: DatasetSummary | null };
  readonly settings: Settings;
  /** The model before pruning, on the evaluation set. */
  readonly dense: Evaluation | null;
  readonly runs: readonly Run[];
  readonly warnings: readonly string[];
}
