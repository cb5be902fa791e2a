import { type AttentionShape, contextPlaces, qkvRows } from "../../io/vit-shape.js";
import { type CutBranch, type DenseBranch, keptChannels } from "./branch.js";
import { cutLinear, range, reads, roundedUp, writes } from "./host-matrix.js";

/** A head before and after: which of its dimensions stay for queries and keys, and which for values. */
interface CutHead {
  readonly head: number;
  readonly match: readonly number[];
  readonly value: readonly number[];
}

/** Part of qkv by its place in [3, heads, headDim]. */
const QUERY = 0;
const KEY = 1;
const VALUE = 2;

/**
 * What is left of attention. A dimension of a head's queries and keys goes where either is zero, as their products then are; one of its values where
 * nothing makes or nothing reads it; a head where none of its values are left. The factor on q k^T stays. Undefined: the branch adds nothing.
 * @param ranksTokens - queries and keys count by themselves then: by them the tokens are chosen that go on
 */
export function compactAttention(
  branch: DenseBranch<AttentionShape>,
  ranksTokens = false,
): CutBranch<AttentionShape> | undefined {
  const { block, shape, linear, roundTo } = branch;
  const { heads, headDim, scale } = shape;
  const [qkv, proj] = [linear("attn.qkv"), linear("attn.proj")];
  const live = branch.liveInputs("norm1", shape.inputs);
  const outputs = range(proj.rows);
  const places = shape.qkv ?? range(qkvRows(shape));
  const rowAt = new Map(places.map((place, row) => [place, row]));
  const columnAt = new Map((contextPlaces(shape) ?? range(heads * headDim)).map((place, column) => [place, column]));
  const placeOf = (part: number, head: number, dimension: number) => (part * heads + head) * headDim + dimension;
  const made = (part: number, head: number, dimension: number): boolean => {
    const row = rowAt.get(placeOf(part, head, dimension));
    return row !== undefined && writes(qkv, row, live);
  };
  const used = (head: number, dimension: number): boolean => {
    const column = columnAt.get(head * headDim + dimension);
    return column !== undefined && made(VALUE, head, dimension) && reads(proj, column, outputs);
  };

  const left = range(heads).flatMap((head): CutHead[] => {
    const value = range(headDim).filter((dimension) => used(head, dimension));
    const match = range(headDim).filter((dimension) => made(QUERY, head, dimension) && made(KEY, head, dimension));
    return value.length > 0 || (ranksTokens && match.length > 0) ? [{ head, match, value }] : [];
  });
  const mixed = left.flatMap(({ head, value }) => value.map((dimension) => columnAt.get(head * headDim + dimension)!));
  const rows = outputs.filter((row) => writes(proj, row, mixed));
  if (rows.length === 0 && !ranksTokens) return undefined;

  // Of a branch with nothing but its bias one head of one dimension stays, which adds nothing.
  const cut = (left.length > 0 ? left : [{ head: 0, match: [], value: [] }]).map((head) => rounded(head));
  const width = Math.max(...cut.map(({ match, value }) => Math.max(match.length, value.length)));
  const kept: number[] = [];
  const keptRows: number[] = [];
  for (const part of [QUERY, KEY, VALUE]) {
    for (const [index, { head, match, value }] of cut.entries()) {
      for (const [slot, dimension] of (part === VALUE ? value : match).entries()) {
        kept.push((part * cut.length + index) * width + slot);
        keptRows.push(rowAt.get(placeOf(part, head, dimension))!);
      }
    }
  }
  const keptContext = cut.flatMap(({ head, value }) =>
    value.map((dimension) => columnAt.get(head * headDim + dimension)!),
  );
  const columns = roundedUp(
    live.filter((column) => reads(qkv, column, keptRows)),
    qkv.columns,
    roundTo,
    1,
  );
  const keptOutputs = roundedUp(rows, proj.rows, roundTo, 1);
  const isWhole = kept.length === 3 * cut.length * width;
  return {
    shape: {
      heads: cut.length,
      headDim: width,
      scale,
      ...(!isWhole && { qkv: kept }),
      ...keptChannels(shape, columns, keptOutputs, branch.embedDim),
    },
    weights: new Map([
      ...cutLinear(`${block}.attn.qkv`, qkv, keptRows, columns),
      ...cutLinear(`${block}.attn.proj`, proj, keptOutputs, keptContext),
    ]),
  };

  /** With dimensions put back that add nothing: whole ones, as far as an earlier cut has left them. */
  function rounded({ head, match, value }: CutHead): CutHead {
    const possible = (parts: readonly number[]) =>
      range(headDim).filter((dimension) => parts.every((part) => rowAt.has(placeOf(part, head, dimension))));
    const filled = (chosen: readonly number[], all: readonly number[]) =>
      roundedUp(
        chosen.map((dimension) => all.indexOf(dimension)),
        all.length,
        roundTo,
        1,
      ).map((index) => all[index]);
    return { head, match: filled(match, possible([QUERY, KEY])), value: filled(value, possible([VALUE])) };
  }
}
