/** Gate places and units of a two-tower model: those of its ViT below `visual.`, those of its text tower below `text.`. */
import type { ClipConfig } from "../io/config-clip.js";
import type { GateShape } from "./gates.js";
import type { UnitGroup, UnitKind } from "./sites.js";
import { type BlockTokens, encoderGatePlaces, vitGatePlaces } from "./vit-sites.js";
import { encoderUnits, vitUnits } from "./vit-units.js";

export function twoTowerGatePlaces({ vision, text }: ClipConfig): Map<string, GateShape> {
  const places = new Map<string, GateShape>();
  for (const [key, shape] of vitGatePlaces(vision)) places.set(`visual.${key}`, shape);
  for (const [key, shape] of encoderGatePlaces(text)) places.set(`text.${key}`, shape);
  for (const [index, { heads, headDim }] of (text.crossAttention ?? []).entries()) {
    places.set(`text.blocks.${index}.crossAttn.headDim`, { units: [headDim, heads * headDim], inner: 1 });
    places.set(`text.blocks.${index}.block.cross`, { units: [1], inner: 1 });
  }
  return places;
}

/** Dimensions of all heads of the attention to images: their rows of q, k and v with their biases, and their columns of the projection. */
const crossUnits = ({ text, vision }: ClipConfig): UnitGroup[] =>
  (text.crossAttention ?? []).map(({ headDim: units }, index) => {
    const name = `text.blocks.${index}.cross_attn`;
    const part = (parameter: string, inner: number) => ({ parameter: `${name}.${parameter}`, inner, period: units });
    return {
      name: `text.blocks.${index}.crossAttn.headDim`,
      units,
      members: [
        part("q.weight", text.embedDim),
        part("q.bias", 1),
        part("kv.weight", vision.embedDim),
        part("kv.bias", 1),
        part("proj.weight", 1),
      ],
    };
  });

const below = (prefix: string, groups: readonly UnitGroup[]): UnitGroup[] =>
  groups.map((group) => ({
    ...group,
    name: prefix + group.name,
    members: group.members.map((member) => ({ ...member, parameter: prefix + member.parameter })),
  }));

const textTokens = ({ text: { blocks, context } }: ClipConfig): BlockTokens[] =>
  blocks.map(() => ({ attention: context, mlp: context }));

/** Units of one kind of both towers. Dimensions of heads include those of the attention to images. */
export const twoTowerUnits = (config: ClipConfig, kind: Exclude<UnitKind, "embed">): UnitGroup[] => [
  ...below("visual.", vitUnits(config.vision, kind)),
  ...below("text.", encoderUnits(config.text, textTokens(config), kind)),
  ...(kind === "headDim" ? crossUnits(config) : []),
];
