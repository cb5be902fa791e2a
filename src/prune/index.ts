export { CRITERIA, type Criterion, criterionByName } from "./criteria.js";
export {
  type Edge,
  type GraphLayer,
  type InputSource,
  type LayeredGraph,
  layeredGraph,
} from "./layered-graph.js";
export { type LiveLayer, liveUnits } from "./live-units.js";
export { andMasks, invertMasks, orMasks, shuffleMasks } from "./mask-algebra.js";
export { encodeMasks, parseMasks } from "./mask-files.js";
export { type MaskOverlap, maskOverlap, type Overlap } from "./mask-overlap.js";
export {
  applyUnits,
  checkMasks,
  clearMasks,
  type HostMask,
  type MaskSet,
  maskWeights,
  readMasks,
  writeMasks,
} from "./masks.js";
export { type PruneOptions, type PruneResult, type PruneRound, prune } from "./prune.js";
export { densityAfter, prunedCount, SCHEDULES, type ScheduleKind } from "./schedule.js";
export { Scorer, type ScorerOptions } from "./scorer.js";
export { demotePruned, SCOPES, type Scope, type Selection, type SelectOptions, Selector } from "./select.js";
export {
  byGroup,
  everyParameter,
  GRANULARITIES,
  type Granularity,
  type PlacedGroup,
  type Protection,
  type UnitSpace,
  unitSpace,
} from "./units.js";
export { captureWeights, rewind, WeightSnapshot } from "./weights.js";
