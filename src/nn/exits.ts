/** Depth of a ViT: classifiers behind some of its blocks that learn beside its own, and the network up to one of them. Weights on the host. */
import { UsageError } from "../errors.js";
import type { ViTConfig } from "../io/config.js";
import { areExits } from "../io/config-vit.js";
import { expectedParameters } from "../io/parameters.js";
import type { FloatTensor } from "../io/safetensors.js";
import { drawViTWeights } from "./init.js";

/** A ViT on the host, under timm's names. */
export interface HostViT {
  readonly config: ViTConfig;
  readonly weights: ReadonlyMap<string, FloatTensor>;
}

/**
 * Gives a ViT exits: a norm and a classifier behind so many blocks, fresh ones where it has none there. Their losses join that of its own classifier in
 * training (Yu et al., Width & Depth Pruning, AAAI 2022); inference does not run them.
 * @param exits - depths, ascending, below that of the model
 * @throws UsageError for other depths, or a distilled model, which has two classifiers.
 */
export function addExits({ config, weights }: HostViT, exits: readonly number[], seed: number): HostViT {
  const depth = config.blocks.length;
  if (config.distilled)
    throw new UsageError("exits: expected a model with one classifier, got a distilled one; leave them out");
  if (!areExits(exits, depth)) {
    throw new UsageError(
      `exits: expected ascending depths from 1 to below ${depth}, got ${exits.join(",")}; correct them`,
    );
  }
  const wider = { ...config, exits };
  const shapes = expectedParameters(wider);
  const fresh = drawViTWeights(new Map([...shapes].filter(([name]) => !weights.has(name))), seed);
  return {
    config: wider,
    weights: new Map([...shapes.keys()].map((name) => [name, weights.get(name) ?? fresh.get(name)!])),
  };
}

/** Depths that `atDepth` can cut at: those of the exits, and the model's own. */
export const depthsOf = ({ blocks, exits = [] }: ViTConfig): readonly number[] => [...exits, blocks.length];

/**
 * The first `depth` blocks with the classifier behind them, as a network of its own without exits, in timm's names.
 * @throws UsageError for a depth without a classifier.
 */
export function atDepth({ config, weights }: HostViT, depth: number): HostViT {
  const depths = depthsOf(config);
  if (!depths.includes(depth)) {
    const remedy = depths.length > 1 ? "choose one of them" : "train with exits first";
    throw new UsageError(
      `depth: expected ${depths.join(" or ")}, behind which there is a classifier, got ${depth}; ${remedy}`,
    );
  }
  const { exits: _, ...rest } = config;
  const cut: ViTConfig = { ...rest, blocks: config.blocks.slice(0, depth) };
  const source = (name: string): string => {
    if (depth === config.blocks.length) return name;
    return name.replace(/^(?:fc_)?norm\./, `exits.${depth}.norm.`).replace(/^head\./, `exits.${depth}.head.`);
  };
  return {
    config: cut,
    weights: new Map([...expectedParameters(cut).keys()].map((name) => [name, weights.get(source(name))!])),
  };
}
