import { FormatError, UsageError } from "../errors.js";
import type { InputSpec } from "./config.js";
import { normalizeInto, normalizeTable } from "./preprocess.js";
import { shapeText } from "./text.js";

/** Labelled samples in a fixed order, read in any order. */
export interface Dataset {
  /** Where it came from, for messages and reports. */
  readonly source: string;
  readonly length: number;
  /** Size of the model's head; labels are below it. */
  readonly numClasses: number;
  /** Names of the classes that occur, where the source has names. */
  readonly classNames?: ReadonlyMap<number, string>;
  /** `[C, H, W]`, or `[inputs]` for an MLP. */
  readonly sampleShape: readonly number[];
  readonly labels: Int32Array;
  /**
   * The samples with these indices, normalised, row-major `[indices.length, ...sampleShape]`.
   *
   * @throws FormatError for a file that cannot be decoded; UsageError for an index outside of the dataset.
   */
  read(indices: ArrayLike<number>): Promise<Float32Array>;
}

/** Samples that lie in memory: u8 still to be normalised, or f32 that already are. */
export interface SampleArrays {
  /** `[N, C, H, W]` or `[N, inputs]`. */
  readonly shape: readonly number[];
  readonly data: Uint8Array | Float32Array;
  readonly labels: ArrayLike<number | bigint>;
  readonly classNames?: ReadonlyMap<number, string>;
}

/**
 * A dataset of samples in memory.
 *
 * @throws FormatError for samples that are not the model's input, labels outside of its head, unequal counts or none.
 */
export function arrayDataset(arrays: SampleArrays, spec: InputSpec, source: string): Dataset {
  const { data, classNames } = arrays;
  const [length, ...shape] = arrays.shape;
  const size = shape.reduce((product, extent) => product * extent, 1);
  const { sampleShape, numClasses } = spec;
  // An MLP takes images too, flattened.
  const fits = sampleShape.length === 1 ? size === sampleShape[0] : shapeText(shape) === shapeText(sampleShape);
  if (!fits) {
    throw new FormatError(
      `${source}: expected samples of ${shapeText(sampleShape)} (the model's input), got ${shapeText(shape)}; ` +
        "choose data or a model of the same size",
    );
  }
  if (length !== arrays.labels.length || data.length !== length * size || length === 0) {
    throw new FormatError(
      `${source}: expected one or more samples and as many labels, got ${length} and ${arrays.labels.length}; write it again`,
    );
  }
  const table = normalizeTable(spec.preprocess);
  const labels = checkLabels(arrays.labels, numClasses, source);
  return {
    source,
    length,
    numClasses,
    classNames,
    sampleShape,
    labels,
    async read(indices) {
      const out = new Float32Array(indices.length * size);
      for (let i = 0; i < indices.length; i++) {
        const index = checkIndex(indices[i], length, source);
        const sample = data.subarray(index * size, (index + 1) * size);
        if (sample instanceof Uint8Array) normalizeInto(sample, table, out, i * size);
        else out.set(sample, i * size);
      }
      return out;
    },
  };
}

/** @throws FormatError for a label that the head has no output for. */
export function checkLabels(labels: ArrayLike<number | bigint>, numClasses: number, source: string): Int32Array {
  return Int32Array.from({ length: labels.length }, (_, sample) => {
    const label = Number(labels[sample]);
    if (Number.isInteger(label) && label >= 0 && label < numClasses) return label;
    throw new FormatError(
      `${source}: expected labels 0 to ${numClasses - 1} (the model's head), got ${label} at sample ${sample}; ` +
        "choose data or a model of the same classes",
    );
  });
}

/** @throws UsageError for an index outside of the dataset. */
export function checkIndex(index: number, length: number, source: string): number {
  if (Number.isInteger(index) && index >= 0 && index < length) return index;
  throw new UsageError(`${source}: expected a sample index from 0 to ${length - 1}, got ${index}; choose another`);
}

/** The samples of `dataset` with these indices, in this order. */
export function subset(dataset: Dataset, indices: ArrayLike<number>): Dataset {
  const chosen = Int32Array.from(indices, (index) => checkIndex(index, dataset.length, dataset.source));
  return {
    ...dataset,
    length: chosen.length,
    labels: chosen.map((index) => dataset.labels[index]),
    read: async (positions) =>
      dataset.read(Int32Array.from(positions, (at) => chosen[checkIndex(at, chosen.length, dataset.source)])),
  };
}

/** Indices of the first `count` samples of each class, in the dataset's order. */
export function firstOfEachClass(labels: ArrayLike<number>, count: number): Int32Array {
  const seen = new Map<number, number>();
  const indices: number[] = [];
  for (let index = 0; index < labels.length; index++) {
    const before = seen.get(labels[index]) ?? 0;
    if (before < count) indices.push(index);
    seen.set(labels[index], before + 1);
  }
  return Int32Array.from(indices);
}
