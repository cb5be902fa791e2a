/** Two-tower models over the variables of double-backward.ts, with gates on the dimensions of heads and on neurons. */
import type { ClipConfig, CrossAttentionShape } from "../../src/io/index.js";
import { add, constant, gather, multiply, type Variable } from "./double-backward.js";
import {
  attention,
  contract,
  crossEntropy,
  exp,
  gelu,
  indices,
  overRows,
  power,
  rowSums,
  scale,
  softmax,
  spread,
} from "./float64-layers.js";
import { namedLayers, vitOutputs } from "./float64-vit.js";

type Named = ReadonlyMap<string, Variable>;

/** What stands below a prefix. */
const within = (parameters: Named, prefix: string): Named =>
  new Map([...parameters].flatMap(([name, x]) => (name.startsWith(prefix) ? [[name.slice(prefix.length), x]] : [])));

const gated = (x: Variable, gate: Variable | undefined): Variable =>
  gate ? multiply(x, spread(gate, x.length, 1)) : x;

const unitRows = (x: Variable, columns: number): Variable =>
  multiply(x, overRows(power(rowSums(power(x, 2), columns), -0.5), columns));

/** q: [batch, queries, heads, headDim]; kv: [batch, keys, 2, heads, headDim]. */
function crossAttention(
  q: Variable,
  kv: Variable,
  { heads, headDim, scale: factor }: CrossAttentionShape,
  batch: number,
): Variable {
  const queries = q.length / (batch * heads * headDim);
  const keys = kv.length / (2 * batch * heads * headDim);
  const query = (b: number, h: number, t: number, d: number) => ((b * queries + t) * heads + h) * headDim + d;
  const packed = (part: number, b: number, j: number, h: number, d: number) =>
    (((b * keys + j) * 2 + part) * heads + h) * headDim + d;
  const pair = (b: number, h: number, t: number, j: number) => ((b * heads + h) * queries + t) * keys + j;
  const scores = contract(
    [batch, heads, queries, keys, headDim],
    [q, (b, h, t, _, d) => query(b, h, t, d)],
    [kv, (b, h, _, j, d) => packed(0, b, j, h, d)],
    [batch * heads * queries * keys, pair],
  );
  return contract(
    [batch, heads, queries, keys, headDim],
    [softmax(scale(scores, factor), keys), pair],
    [kv, (b, h, _, j, d) => packed(1, b, j, h, d)],
    [q.length, (b, h, t, _, d) => query(b, h, t, d)],
  );
}

/** The normed end token of each text: [batch, width]. */
function textEnds(
  { text, vision }: ClipConfig,
  parameters: Named,
  { ids, ends }: { ids: readonly number[]; ends: readonly number[] },
  gates: Named,
  image?: Variable,
): Variable {
  const { embedDim, context, blocks, normEps } = text;
  const batch = ends.length;
  const { get, dense, norm } = namedLayers(parameters, normEps);
  const tokens = gather(
    get("token_embed.weight"),
    indices([batch, context, embedDim], (b, t, c) => ids[b * context + t] * embedDim + c),
  );
  let x = add(tokens, spread(get("pos_embed"), tokens.length, 1));
  const before = constant(indices([context, context], (t, j) => Number(j <= t)));
  for (const [index, { attention: attn, mlp }] of blocks.entries()) {
    const block = `blocks.${index}`;
    const gate = (y: Variable, site: string) => gated(y, gates.get(`${block}.${site}`));
    const qkv = gate(dense(norm(x, `${block}.norm1`), `${block}.attn.qkv`, embedDim), "attn.headDim");
    const size = { batch, tokens: context, heads: attn!.heads, headDim: attn!.headDim };
    x = add(x, dense(attention(qkv, size, before), `${block}.attn.proj`, embedDim));
    if (image) {
      const shape = text.crossAttention![index];
      const q = gate(dense(norm(x, `${block}.cross_norm`), `${block}.cross_attn.q`, embedDim), "crossAttn.headDim");
      const kv = gate(dense(image, `${block}.cross_attn.kv`, vision.embedDim), "crossAttn.headDim");
      const mixed = crossAttention(q, kv, shape, batch);
      const read = dense(mixed, `${block}.cross_attn.proj`, shape.heads * shape.headDim);
      x = add(x, gate(read, "block.cross"));
    }
    const hidden = gate(dense(norm(x, `${block}.norm2`), `${block}.mlp.fc1`, embedDim), "mlp.hidden");
    x = add(x, dense(gelu(hidden), `${block}.mlp.fc2`, mlp!.hidden));
  }
  const places = indices([batch, embedDim], (b, c) => ends[b] * embedDim + c);
  return norm(gather(x, places), "norm");
}

/** The contrastive loss of pairs, or the mean loss of telling that text i belongs to image i as `labels` says. */
export function twoTowerLoss(
  config: ClipConfig,
  parameters: Named,
  images: Variable,
  texts: { ids: readonly number[]; ends: readonly number[] },
  { gates = new Map(), labels }: { gates?: Named; labels?: readonly number[] } = {},
): Variable {
  const { projectionDim, vision, text } = config;
  const batch = texts.ends.length;
  const [visual, textual] = [within(parameters, "visual."), within(parameters, "text.")];
  const { tokens, classes } = vitOutputs(vision, visual, images, batch);
  const { dense, norm } = { ...namedLayers(textual, 0), norm: namedLayers(visual, vision.normEps).norm };
  const textGates = within(gates, "text.");
  if (labels) {
    const ends = textEnds(config, textual, texts, textGates, norm(tokens, "norm"));
    return scale(rowSums(crossEntropy(dense(ends, "match", text.embedDim), labels, 0), batch), 1 / batch);
  }
  const ends = textEnds(config, textual, texts, textGates);
  const a = unitRows(classes, projectionDim);
  const b = unitRows(dense(ends, "head", text.embedDim), projectionDim);
  const among = (x: Variable, y: Variable) => {
    const cosines = contract(
      [batch, batch, projectionDim],
      [x, (r, _, c) => r * projectionDim + c],
      [y, (_, r, c) => r * projectionDim + c],
      [batch * batch, (r, c) => r * batch + c],
    );
    const factor = spread(exp(parameters.get("logit_scale")!), cosines.length, 1);
    const order = texts.ends.map((_, row) => row);
    return rowSums(crossEntropy(multiply(cosines, factor), order, 0), batch);
  };
  return scale(add(among(a, b), among(b, a)), 0.5 / batch);
}
