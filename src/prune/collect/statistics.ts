/** The sums that calibration fills, on the device: one a statistic and place. Saved, loaded and added up as plain tensors. */
import { FormatError } from "../../errors.js";
import type { Gpu } from "../../gpu/index.js";
import { asF32, floatTensors } from "../../io/checkpoint.js";
import { encodeSafetensors, type FloatTensor, parseSafetensors } from "../../io/safetensors.js";
import { map } from "../../kernels/map.js";
import { Tensor } from "../../tensor/index.js";
import { type Statistic, statisticKey } from "./statistic.js";

/** Statistics of some calibration data, on the host. */
export interface StatisticsState {
  /** Sums by statistic and place. */
  readonly sums: ReadonlyMap<string, FloatTensor>;
  /** Examples that were added up. */
  readonly examples: number;
  /** Values that one example adds to each entry of a statistic of activations, by layer or site. */
  readonly rows: ReadonlyMap<string, number>;
}

/** A place: a parameter, a layer, or a group of units, by name. */
const keyOf = (statistic: Statistic, place: string): string => `${place} ${statisticKey(statistic)}`;

interface Sum {
  readonly statistic: Statistic;
  readonly place: string;
  readonly total: Tensor;
}

/** Sums of all statistics that a saliency needs. */
export class Statistics {
  readonly #sums = new Map<string, Sum>();
  /** Values that one example adds to each entry of a statistic of activations, by layer or site. */
  readonly rows = new Map<string, number>();
  examples = 0;

  constructor(private readonly gpu: Gpu) {}

  /** Makes room for a sum. */
  open(statistic: Statistic, place: string, length: number): void {
    const key = keyOf(statistic, place);
    if (!this.#sums.has(key)) this.#sums.set(key, { statistic, place, total: Tensor.zeros(this.gpu, [length]) });
  }

  get(statistic: Statistic, place: string): Tensor | undefined {
    return this.#sums.get(keyOf(statistic, place))?.total;
  }

  /** Starts again, but for what `keep` names. */
  clear(keep: (statistic: Statistic) => boolean = () => false): void {
    for (const { statistic, total } of this.#sums.values()) if (!keep(statistic)) this.gpu.clear(total.buffer);
    this.examples = 0;
  }

  /** Copies the sums, or those of some statistics, to the host. */
  async read(which: (statistic: Statistic) => boolean = () => true): Promise<StatisticsState> {
    const sums = new Map<string, FloatTensor>();
    for (const [key, { statistic, total }] of this.#sums) {
      if (which(statistic)) sums.set(key, { shape: [...total.shape], data: await total.read() });
    }
    return { sums, examples: this.examples, rows: new Map(this.rows) };
  }

  /**
   * Adds the sums of another shard of the data. Shards agree with one run over all of the data to 20 bits of the largest value of each statistic, as
   * only the order of additions differs; small values next to large ones have fewer. Spreads are brought to the center that is here.
   * @throws FormatError, and nothing is added, when they are not of the same statistics of the same model.
   */
  merge({ sums, examples, rows }: StatisticsState): void {
    for (const [key, { statistic, place, total }] of this.#sums) {
      const other = sums.get(key);
      const counted = statistic.kind !== "spread" || rows.has(place);
      if (other?.data.length === total.size && counted) continue;
      const got = counted ? (other?.data.length ?? "none") : "no count of rows";
      throw new FormatError(
        `statistics ${key}: expected ${total.size} values, got ${got}; collect them for this model and saliency`,
      );
    }
    if (this.examples === 0) {
      for (const [key, { statistic, total }] of this.#sums) {
        if (statistic.kind === "center") total.write(sums.get(key)!.data);
      }
    }
    for (const [key, { statistic, place, total }] of this.#sums) {
      if (statistic.kind === "center") continue;
      using _scope = this.gpu.scope();
      const input = (other: FloatTensor) => ({ buffer: Tensor.from(this.gpu, other.data) });
      const target = { y: total, length: total.size, accumulate: true };
      const x = input(sums.get(key)!);
      if (statistic.kind !== "spread") {
        map(this.gpu, "x", { x }, target);
        continue;
      }
      const { of, power } = statistic;
      const center: Statistic = { kind: "center", of };
      const c = { buffer: this.get(center, place)! };
      const inputs = { x, c, o: input(sums.get(keyOf(center, place))!), n: rows.get(place)! * examples };
      if (power === 1) map(this.gpu, "x + n * (o - c)", inputs, target);
      else {
        const s = input(sums.get(keyOf({ kind: "spread", of, power: 1 }, place))!);
        map(this.gpu, "x + (o - c) * (2.0 * s + n * (o - c))", { ...inputs, s }, target);
      }
    }
    this.examples += examples;
    for (const [place, each] of rows) this.rows.set(place, each);
  }

  /** The sums of some statistics on the device, by key. */
  entries(which: (statistic: Statistic) => boolean): [string, Tensor][] {
    return Array.from(this.#sums).flatMap(([key, { statistic, total }]) => (which(statistic) ? [[key, total]] : []));
  }

  /** Writes sums that `read` gave, by their keys. */
  write(sums: ReadonlyMap<string, FloatTensor>): void {
    for (const [key, { data }] of sums) this.#sums.get(key)?.total.write(data);
  }

  release(): void {
    for (const { total } of this.#sums.values()) this.gpu.release(total);
    this.#sums.clear();
  }
}

const NOTE = "secateur.statistics";

/** Statistics as the bytes of a .safetensors file. */
export function encodeStatistics({ sums, examples, rows }: StatisticsState): Uint8Array {
  return encodeSafetensors(asF32(sums), [[NOTE, JSON.stringify({ examples, rows: Object.fromEntries(rows) })]]);
}

/** @throws FormatError for bytes that {@link encodeStatistics} did not write. */
export function parseStatistics(bytes: Uint8Array, source = "statistics"): StatisticsState {
  const { tensors, metadata } = parseSafetensors(bytes, source);
  const note = metadata.get(NOTE);
  if (note === undefined) {
    throw new FormatError(
      `${source}: expected statistics of a saliency, got another .safetensors file; collect them again`,
    );
  }
  const { examples, rows } = JSON.parse(note) as { examples: number; rows: Record<string, number> };
  return { sums: floatTensors(tensors, source), examples, rows: new Map(Object.entries(rows)) };
}
