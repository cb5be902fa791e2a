import type { ViTConfig } from "../config.js";
import { type AttentionShape, type BlockShape, contextPlaces, type MlpShape } from "../vit-shape.js";
import type { Graph } from "./graph.js";
import { keepTokens } from "./keep-tokens.js";
import { convolution, gelu, layerNorm, linear, relu, slice, spreadColumns, takeColumns } from "./layers.js";

/** Images [batch, channels, height, width] -> logits [batch, classes] of a Vision Transformer or DeiT, dense or cut. */
export const vitGraph = (graph: Graph, config: ViTConfig, images: string): string =>
  new ViTGraph(graph, config).logits(images);

/** Between operators that tell examples apart, the residual stream is rows [batch * tokens, width]. */
class ViTGraph {
  readonly #graph: Graph;
  readonly #config: ViTConfig;
  /** Class token and distillation token. */
  readonly #prefix: readonly string[];
  readonly #patches: number;
  /** Tokens of an image that the blocks so far have left. */
  #tokens: number;

  constructor(graph: Graph, config: ViTConfig) {
    this.#graph = graph;
    this.#config = config;
    this.#prefix = ["cls_token", "dist_token"].flatMap((name) => graph.parameter(name) ?? []);
    this.#patches = (config.imageSize / config.patchSize) ** 2;
    this.#tokens = this.#prefix.length + this.#patches;
  }

  logits(images: string): string {
    const embedded = this.#graph.node("tokens", "Add", [this.#embed(images), this.#graph.parameter("pos_embed")]);
    const rows = this.#toRows(embedded, "rows", this.#config.embedDim);
    return this.#classify(this.#config.blocks.reduce((x, block, index) => this.#block(x, block, index), rows));
  }

  #toRows(x: string, name: string, width: number): string {
    return this.#graph.node(name, "Reshape", [x, this.#graph.integers([-1, width])]);
  }

  /** Tokens [batch, tokens, width] before their positions are added. */
  #embed(images: string): string {
    const graph = this.#graph;
    const { patchSize, embedDim } = this.#config;
    const window = { kernel: patchSize, stride: patchSize, padding: 0 };
    const grid = convolution(graph, images, "patch_embed.proj", window);
    const flat = graph.node("patch_embed.flat", "Reshape", [grid, graph.integers([-1, embedDim, this.#patches])]);
    const patches = graph.node("patch_embed", "Transpose", [flat], { perm: [0, 2, 1] });
    if (this.#prefix.length === 0) return patches;
    const batch = graph.node("batch", "Shape", [images], { start: 0, end: 1 });
    const one = graph.node("batch.one", "Concat", [batch, graph.integers([1, 1])], { axis: 0 });
    const prefix = this.#prefix.map((token) => graph.node(`${token}.batch`, "Expand", [token, one]));
    return graph.node("tokens.plain", "Concat", [...prefix, patches], { axis: 1 });
  }

  #block(x: string, { attention, mlp, tokens }: BlockShape, index: number): string {
    const block = `blocks.${index}`;
    let y = x;
    if (attention) {
      y = this.#residual(y, attention, `${block}.norm1`, `${block}.attn`, (z, at) => this.#attention(z, attention, at));
    }
    if (tokens !== undefined) y = this.#keepTokens(y, tokens, block);
    if (mlp) y = this.#residual(y, mlp, `${block}.norm2`, `${block}.mlp`, (z, at) => this.#mlp(z, at));
    return y;
  }

  #keepTokens(x: string, kept: number, block: string): string {
    const counts = { tokens: this.#tokens, prefix: this.#prefix.length, kept };
    const all = this.#toTokens(x, `${block}.tokens.all`);
    const left = keepTokens(this.#graph, all, `${block}.attn.softmax`, counts, `${block}.tokens`);
    this.#tokens = counts.prefix + kept;
    return this.#toRows(left, `${block}.tokens.rows`, this.#config.embedDim);
  }

  /** x + branch(norm(x)), where the branch may read and write a part of the channels. */
  #residual(
    x: string,
    { inputs, outputs }: AttentionShape | MlpShape,
    norm: string,
    name: string,
    branch: (x: string, name: string) => string,
  ): string {
    const graph = this.#graph;
    const read = takeColumns(graph, layerNorm(graph, x, norm, this.#config), inputs, `${name}.in`);
    const written = spreadColumns(graph, branch(read, name), outputs, this.#config.embedDim, `${name}.out`);
    return graph.node(`${name}.sum`, "Add", [x, written]);
  }

  #attention(x: string, shape: AttentionShape, name: string): string {
    const graph = this.#graph;
    const { heads, headDim, scale, qkv: rows } = shape;
    const packed = spreadColumns(graph, linear(graph, x, `${name}.qkv`), rows, 3 * heads * headDim, `${name}.packed`);
    const [q, k, v] = graph.split(packed, [`${name}.q`, `${name}.k`, `${name}.v`], 1);
    const byHead = (part: string, perm: readonly number[]) => {
      const split = graph.node(`${part}.split`, "Reshape", [part, graph.integers([-1, this.#tokens, heads, headDim])]);
      return graph.node(`${part}.heads`, "Transpose", [split], { perm });
    };
    const scaled = graph.node(`${q}.scaled`, "Mul", [byHead(q, [0, 2, 1, 3]), graph.scalar(scale)]);
    const scores = graph.node(`${name}.scores`, "MatMul", [scaled, byHead(k, [0, 2, 3, 1])]);
    const shares = graph.node(`${name}.softmax`, "Softmax", [scores], { axis: -1 });
    const mixed = graph.node(`${name}.mixed`, "MatMul", [shares, byHead(v, [0, 2, 1, 3])]);
    const byToken = graph.node(`${name}.merged`, "Transpose", [mixed], { perm: [0, 2, 1, 3] });
    const context = this.#toRows(byToken, `${name}.context`, heads * headDim);
    return linear(graph, takeColumns(graph, context, contextPlaces(shape), `${name}.kept`), `${name}.proj`);
  }

  #mlp(x: string, name: string): string {
    const activate = this.#config.activation === "gelu" ? gelu : relu;
    const hidden = linear(this.#graph, x, `${name}.fc1`);
    return linear(this.#graph, activate(this.#graph, hidden, `${name}.neuron`), `${name}.fc2`);
  }

  #toTokens(x: string, name: string): string {
    return this.#graph.node(name, "Reshape", [x, this.#graph.integers([-1, this.#tokens, this.#config.embedDim])]);
  }

  /** Of the class token, of the mean of the patches, or of both heads of a distilled model: their mean. */
  #classify(x: string): string {
    const graph = this.#graph;
    if (this.#config.pool === "avg") {
      const places = [this.#prefix.length, this.#tokens] as const;
      const patches = slice(graph, this.#toTokens(x, "features"), places, 1, "patches");
      const pooled = graph.node("pool", "ReduceMean", [patches], { axes: [1], keepdims: 0 });
      return linear(graph, layerNorm(graph, pooled, "fc_norm", this.#config), "head");
    }
    const features = this.#toTokens(layerNorm(graph, x, "norm", this.#config), "features");
    const headOf = (token: number, head: string) => {
      return linear(graph, graph.node(`${head}.token`, "Gather", [features, graph.integer(token)], { axis: 1 }), head);
    };
    if (!this.#config.distilled) return headOf(0, "head");
    const sum = graph.node("heads.sum", "Add", [headOf(0, "head"), headOf(1, "head_dist")]);
    return graph.node("heads.mean", "Mul", [sum, graph.scalar(0.5)]);
  }
}
