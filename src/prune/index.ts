/** Saliencies, selections, masks and the engine that prunes with them. */
export type { Calibration, CalibrationBatch, CalibrationBatches } from "./collect/calibration.js";
export type { CollectorOptions } from "./collect/collector.js";
export type { Derivation, Each, ObservedPlace, Statistic } from "./collect/statistic.js";
export { encodeStatistics, parseStatistics, Statistics, type StatisticsState } from "./collect/statistics.js";
export { compactTwoTower, type KeptUnits } from "./compact/compact-two-tower.js";
export { foldGates } from "./compact/fold-gates.js";
export { type CompactOptions, compact, compactWeights, type HostModel } from "./compact/index.js";
export { leaveTokens, withAllTokens } from "./compact/leave-tokens.js";
export {
  biasFold,
  type Compensation,
  type CompensationContext,
  obsCompensation,
  type SecondMomentOptions,
  sparseGptCompensation,
} from "./compensate.js";
export * from "./criteria/index.js";
export { EVENTS, type Handler, type Handlers, type InRound, type PruneRound, type PrunerEvents } from "./events.js";
export type { FinetuneContext, GradientSource } from "./finetune.js";
export { andMasks, invertMasks, orMasks, shuffleMasks } from "./masks/algebra.js";
export { encodeMasks, parseMasks } from "./masks/files.js";
export {
  type Edge,
  type GraphLayer,
  type InputSource,
  type LayeredGraph,
  layeredGraph,
} from "./masks/layered-graph.js";
export { type LiveLayer, liveUnits } from "./masks/live-units.js";
export {
  applyUnits,
  checkMasks,
  clearMasks,
  type HostMask,
  type MaskSet,
  maskWeights,
  readMasks,
  writeMasks,
} from "./masks/masks.js";
export { type MaskOverlap, maskOverlap, type Overlap } from "./masks/overlap.js";
export {
  imp,
  isSearch,
  METHODS,
  type Method,
  type MethodTraining,
  methodByName,
  type ScoringMethod,
  SEARCHES,
} from "./methods/index.js";
export { type FinishedRun, type PruneReport, type PruneResult, prune, readResult } from "./prune.js";
export type { PruneOptions } from "./prune-options.js";
export { Pruner } from "./pruner.js";
export type { PrunerState, RunSettings } from "./pruner-state.js";
export {
  type Axis,
  type Expression,
  l2,
  type MapNode,
  map,
  max,
  mean,
  type NumberNode,
  type ReductionKind,
  type ReductionNode,
  type StatisticNode,
  statistic,
  sum,
  sumOfLarger,
  type TailNode,
} from "./saliency/expression.js";
export type { Accumulation, Objective, ObjectiveContext } from "./saliency/objective.js";
export {
  type AnySaliency,
  defineSaliency,
  needsCalibration,
  needsTraining,
  type Saliency,
  type Sources,
  scoresAnyParameter,
} from "./saliency/saliency.js";
export { gradientTotal, inputTotal, outputTotal, SOURCES, type SourceName } from "./saliency/sources.js";
export type { Transformation } from "./saliency/substitutes.js";
export { densityAfter, SCHEDULES, type ScheduleKind } from "./schedule.js";
export { Scorer, type ScorerOptions } from "./scorer.js";
export {
  runSearch,
  type Search,
  type SearchHooks,
  type SearchMethod,
  type SearchOptions,
  type SearchResult,
  type SearchRun,
} from "./search/search.js";
export { encodeSearch, parseSearch } from "./search/search-file.js";
export { readTraining, restoreTraining, type SearchState, type TrainingState } from "./search/search-state.js";
export { type UPopOptions, upop } from "./search/upop.js";
export { progressivePart, type UPopGates, UPopSearch, type UPopSettings } from "./search/upop-gates.js";
export { type GateGradients, type GateRanking, rankGates } from "./search/upop-ranking.js";
export { type VtpOptions, vtp } from "./search/vtp.js";
export { wdpruning } from "./search/wdpruning.js";
export type { WDPruningOptions } from "./search/wdpruning-settings.js";
export {
  type Amount,
  type Budget,
  type PerGroup,
  parsePattern,
  SCOPES,
  type Scope,
  type ScopeName,
  type Selection,
  type SelectOptions,
  Selector,
} from "./select.js";
export type { LimitedGroup } from "./select-ranges.js";
export { cutToShape, keptByShape, type Shape, shapesOfSize, shapeUnits, type UnitScores } from "./shapes.js";
export { encodeState, parseState } from "./state-file.js";
export {
  byGroup,
  everyParameter,
  GRANULARITIES,
  type Granularity,
  granularityText,
  type PlacedGroup,
  type Protection,
  type UnitCost,
  type UnitSpace,
  unitSpace,
} from "./units.js";
export { captureWeights, rewind, WeightSnapshot } from "./weights.js";
