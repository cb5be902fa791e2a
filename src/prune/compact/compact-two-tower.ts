/** Cuts units out of both towers of a two-tower model. What is left computes the same as with their gates at zero: attention goes on scaling as it did. */
import { UsageError } from "../../errors.js";
import { type ClipConfig, clipParameters } from "../../io/config-clip.js";
import type { FloatTensor } from "../../io/safetensors.js";
import type { BlockShape } from "../../io/vit-shape.js";
import { twoTowerUnits } from "../../nn/two-tower-sites.js";
import type { HostModel } from "./compact-vit.js";

/** By group of units, 1 for each that stays. */
export type KeptUnits = ReadonlyMap<string, Uint8Array>;

/**
 * @param kept - by name of the group, such as "visual.blocks.0.attn.headDim", "text.blocks.1.mlp.neuron" or "text.blocks.0.crossAttn.headDim"; groups
 *   that are not there stay whole
 * @throws UsageError for a name that is no group of dimensions of heads or of neurons, a wrong number of units, and a group that would be empty.
 */
export function compactTwoTower({ config, weights }: HostModel<ClipConfig>, kept: KeptUnits): HostModel<ClipConfig> {
  const groups = [...twoTowerUnits(config, "headDim"), ...twoTowerUnits(config, "neuron")];
  const unknown = [...kept.keys()].find((name) => !groups.some((group) => group.name === name));
  if (unknown !== undefined) {
    throw new UsageError(`compact: expected groups of dimensions of heads or of neurons, got "${unknown}"; correct it`);
  }
  const data = new Map(Array.from(weights, ([name, tensor]) => [name, tensor.data]));
  for (const { name, units, members } of groups) {
    const keep = kept.get(name);
    if (!keep) continue;
    if (keep.length !== units || !keep.includes(1)) {
      throw new UsageError(`compact: ${name}: expected ${units} units of which some stay, got [${keep}]; keep one`);
    }
    for (const { parameter, inner, period } of members) {
      data.set(
        parameter,
        data.get(parameter)!.filter((_, i) => keep[Math.floor(i / inner) % period] === 1),
      );
    }
  }
  const cut = cutConfig(config, kept);
  const left = Array.from(clipParameters(cut), ([name, shape]): [string, FloatTensor] => {
    return [name, { shape, data: data.get(name)! }];
  });
  return { config: cut, weights: new Map(left) };
}

function cutConfig(config: ClipConfig, kept: KeptUnits): ClipConfig {
  const left = (group: string, units: number): number => kept.get(group)?.filter((keep) => keep === 1).length ?? units;
  const cutBlocks = (tower: string, blocks: readonly BlockShape[]): BlockShape[] =>
    blocks.map(({ attention, mlp, ...rest }, index) => {
      const block = `${tower}.blocks.${index}`;
      return {
        ...rest,
        ...(attention && {
          attention: { ...attention, headDim: left(`${block}.attn.headDim`, attention.headDim) },
        }),
        ...(mlp && { mlp: { ...mlp, hidden: left(`${block}.mlp.neuron`, mlp.hidden) } }),
      };
    });
  const { vision, text } = config;
  const crossAttention = text.crossAttention?.map((shape, index) => ({
    ...shape,
    headDim: left(`text.blocks.${index}.crossAttn.headDim`, shape.headDim),
  }));
  return {
    ...config,
    vision: { ...vision, blocks: cutBlocks("visual", vision.blocks) },
    text: { ...text, blocks: cutBlocks("text", text.blocks), ...(crossAttention && { crossAttention }) },
  };
}
