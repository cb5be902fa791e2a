/** What a saliency criterion is: what it needs, how a score comes out of it, and what else it may ask for. */
import { UsageError } from "../../errors.js";
import { domainOf, type Statistic } from "../collect/statistic.js";
import type { Compensation } from "../compensate.js";
import type { Protection } from "../units.js";
import { type Expression, statisticsOf } from "./expression.js";
import type { Objective } from "./objective.js";
import { SOURCES, type SourceName } from "./sources.js";

/** What `score` is given: the sources of `needs` and no others. */
export type Sources<N extends string> = { readonly [Name in N]: Expression };

/**
 * A criterion. Low scores go first.
 *
 * Written through `defineSaliency`, or right inside of `prune(...)`, asking `score` for a source that `needs` does not name is a compile error; annotated
 * `: Saliency`, it is an error when it runs.
 */
export interface Saliency<N extends string = SourceName> {
  /** For messages and reports. */
  readonly name?: string;
  /** One line for people: "|w| ||x||". */
  readonly formula?: string;
  readonly needs: readonly N[];
  /** The score of a weight, or of a unit. A score of single weights is summed over each larger unit, unless a reduction says otherwise. */
  readonly score: (sources: Sources<N>) => Expression;
  /** Sources of its own, by names that `needs` may then use. */
  readonly sources?: Readonly<Record<string, Expression>>;
  /** Whose gradients are taken. Default: the mean cross entropy of a batch. */
  readonly objective?: Objective;
  /** What takes the score's place under `reference`, where the method's authors compute another. */
  readonly referenceScore?: (sources: Sources<N>) => Expression;
  /** What takes the objective's place under `reference`, where the method's authors do otherwise. */
  readonly referenceObjective?: Objective;
  /** Whether its authors score anew after each of many small steps; in one round it does worse, and empties layers. */
  readonly manyRounds?: boolean;
  /** Changes surviving weights or biases after selection. */
  readonly compensate?: Compensation;
  /** Under `reference`, which of the parts that pruning leaves alone by default its authors prune too. */
  readonly referenceProtection?: Protection;
  /** Under `reference`, scores are divided by the magnitude of their sum over everything, as the method's authors do. */
  readonly referenceTotal?: boolean;
}

/** Any saliency, whatever it needs. */
// biome-ignore lint/suspicious/noExplicitAny: the only type that every Saliency<N> fits
export type AnySaliency = Saliency<any>;

/** Lets the compiler hold `score` to what `needs` names. */
export function defineSaliency<const N extends SourceName | Own, Own extends string = never>(
  saliency: Saliency<N> & { readonly sources?: Readonly<Record<Own, Expression>> },
): Saliency<N> {
  for (const source of saliency.needs) sourceOf(saliency, source);
  return saliency;
}

/** A source by the name that `needs` uses. @throws UsageError for names of no source. */
export function sourceOf({ name = "saliency", sources: own = {} }: AnySaliency, source: string): Expression {
  const known: Readonly<Record<string, Expression>> = { ...SOURCES, ...own };
  if (Object.hasOwn(known, source)) return known[source];
  const expected = Object.keys(known).join(", ");
  throw new UsageError(`${name}: expected sources among ${expected}, got "${source}" in needs; correct it`);
}

/** The expression of a criterion's score. @throws UsageError for names that are no sources, and for sources that `needs` does not name. */
export function scoreExpression(saliency: AnySaliency): Expression {
  const { name = "saliency", needs, score } = saliency;
  const given = Object.fromEntries(needs.map((source: string) => [source, sourceOf(saliency, source)]));
  const expression: Expression | undefined = score(
    new Proxy(given, {
      get(target, source) {
        if (typeof source === "symbol" || Object.hasOwn(target, source)) return target[source as string];
        throw new UsageError(
          `${name}: expected one of its needs (${needs.join(", ")}), got "${source}"; add it to needs`,
        );
      },
    }),
  );
  if (typeof expression === "object" && "kind" in expression) return expression;
  throw new UsageError(
    `${name}: expected score to return an expression, got ${expression}; return a source or map("...", { ... })`,
  );
}

const statisticsNeeded = (saliency: AnySaliency): Statistic[] =>
  saliency.needs.flatMap((name: string) => statisticsOf(sourceOf(saliency, name)));

const WITHOUT_DATA: readonly Statistic["kind"][] = ["weight", "keptWeight", "random", "training"];

/** Whether a saliency has to see calibration data. */
export const needsCalibration = (saliency: AnySaliency): boolean =>
  saliency.objective?.accumulate !== undefined ||
  (saliency.objective?.input !== "ones" && statisticsNeeded(saliency).some(({ kind }) => !WITHOUT_DATA.includes(kind)));

/** Whether a saliency sums over training steps. */
export const needsTraining = (saliency: AnySaliency): boolean =>
  statisticsNeeded(saliency).some(({ kind }) => kind === "training");

/** Whether a saliency can score any parameter, norms and biases included, and not only the weights of layers. */
export const scoresAnyParameter = (saliency: AnySaliency): boolean =>
  statisticsNeeded(saliency).every((statistic) => ["weight", "unit"].includes(domainOf(statistic)));
