/** What is left of each block of a ViT that was cut. */
import type { ModelConfig } from "../io/config.js";
import { timmShape } from "../io/config-json.js";
import { qkvRows } from "../io/vit-shape.js";
import { DASH, integer } from "../report/format.js";
import { textTable } from "./table.js";

/** Sizes of a block; null where a branch is gone. */
export interface BlockSizes {
  readonly attention: {
    readonly heads: number;
    /** Of the widest head. */
    readonly headDim: number;
    /** Rows of q, k and v together. */
    readonly qkvRows: number;
    /** Channels of the residual stream. */
    readonly reads: number;
    readonly addsTo: number;
  } | null;
  readonly mlp: { readonly neurons: number; readonly reads: number; readonly addsTo: number } | null;
  /** Patch tokens that go on behind it; null: all. */
  readonly tokens: number | null;
}

/** By block; null for a network whose blocks are equal and whole, which its config describes by itself. */
export function blockSizes(config: ModelConfig): BlockSizes[] | null {
  if (config.architecture !== "vit" || timmShape(config)) return null;
  const { blocks, embedDim } = config;
  const channels = ({ inputs, outputs }: { inputs?: readonly number[]; outputs?: readonly number[] }) => ({
    reads: inputs?.length ?? embedDim,
    addsTo: outputs?.length ?? embedDim,
  });
  return blocks.map(({ attention, mlp, tokens = null }) => ({
    attention: attention
      ? { heads: attention.heads, headDim: attention.headDim, qkvRows: qkvRows(attention), ...channels(attention) }
      : null,
    mlp: mlp ? { neurons: mlp.hidden, ...channels(mlp) } : null,
    tokens,
  }));
}

/** A table for people. */
export function blockTable(blocks: readonly BlockSizes[]): string {
  const columns: [string, (block: BlockSizes) => number | null | undefined][] = [
    ["heads", ({ attention }) => attention?.heads],
    ["dims", ({ attention }) => attention?.headDim],
    ["qkv rows", ({ attention }) => attention?.qkvRows],
    ["attn reads", ({ attention }) => attention?.reads],
    ["adds to", ({ attention }) => attention?.addsTo],
    ["neurons", ({ mlp }) => mlp?.neurons],
    ["mlp reads", ({ mlp }) => mlp?.reads],
    ["adds to", ({ mlp }) => mlp?.addsTo],
    ["tokens", ({ tokens }) => tokens],
  ];
  const shown = columns.filter(([name]) => name !== "tokens" || blocks.some(({ tokens }) => tokens !== null));
  return textTable([
    ["block", ...shown.map(([name]) => name)],
    ...blocks.map((block, index) => [
      String(index),
      ...shown.map(([name, value]) => cell(value(block), name === "tokens" ? "all" : DASH)),
    ]),
  ]);
}

const cell = (value: number | null | undefined, absent: string): string => (value == null ? absent : integer(value));
