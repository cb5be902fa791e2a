export { type GateShape, type GateSite, Gates } from "./gates.js";
export { initialViTWeights } from "./init.js";
export { layerNormLayer, linearLayer } from "./layers.js";
export type { Model, ModelOutput } from "./model.js";
export { Parameter, Parameters } from "./parameter.js";
export { type LayerKind, type PrunableLayer, rowUnits, type UnitGroup, type UnitMember, weightUnits } from "./sites.js";
export { TrainingPass } from "./training.js";
export { ViT } from "./vit.js";
export { tokenCount } from "./vit-sites.js";
