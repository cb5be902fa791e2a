import type { ConvNetConfig } from "../config.js";
import { BATCH_NORM_EPSILON, type ConvNorm, type Scale, type Stage } from "../convnet-layout.js";
import { convNetLayout } from "../convnet-networks.js";
import type { Graph } from "./graph.js";
import { convolution, linear, relu } from "./layers.js";

/** Images [batch, channels, height, width] -> logits [batch, classes]. */
export function convNetGraph(graph: Graph, config: ConvNetConfig, images: string): string {
  const { stages } = convNetLayout(config);
  const features = stages.reduce((x, stage, index) => runStage(graph, x, stage, `stage.${index}`), images);
  const pooled = graph.node("pool", "GlobalAveragePool", [features]);
  return linear(graph, graph.node("pool.flat", "Flatten", [pooled], { axis: 1 }), "fc");
}

function convNorm(graph: Graph, x: string, { conv, norm, ...window }: ConvNorm): string {
  const parts = ["weight", "bias", "running_mean", "running_var"].map((part) => graph.parameter(`${norm}.${part}`));
  return graph.node(norm, "BatchNormalization", [convolution(graph, x, conv, window), ...parts], {
    epsilon: { float: BATCH_NORM_EPSILON },
  });
}

function runStage(graph: Graph, x: string, stage: Stage, name: string): string {
  if (stage.kind === "maxPool") {
    const { window, stride, padding } = stage;
    const pads = [padding, padding, padding, padding];
    return graph.node(name, "MaxPool", [x], { kernel_shape: window, strides: [stride, stride], pads });
  }
  if (stage.kind === "conv") return relu(graph, convNorm(graph, x, stage.conv), `${stage.conv.conv}.relu`);
  const { branch, shortcut } = stage;
  const inner = branch.slice(0, -1).reduce((y, conv) => relu(graph, convNorm(graph, y, conv), `${conv.conv}.relu`), x);
  const y = convNorm(graph, inner, branch[branch.length - 1]);
  const sum = graph.node(`${stage.name}.sum`, "Add", [shortcutOf(graph, x, shortcut), y]);
  return relu(graph, sum, `${stage.name}.relu`);
}

function shortcutOf(graph: Graph, x: string, shortcut: ConvNorm | Scale | undefined): string {
  if (!shortcut) return x;
  if (!("scale" in shortcut)) return convNorm(graph, x, shortcut);
  return graph.node(shortcut.scale, "Mul", [x, graph.parameter(`${shortcut.scale}.weight`)]);
}
