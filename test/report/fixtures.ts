import {
  keptFlops,
  keptParameters,
  type LayerDensity,
  layerDensity,
  type Report,
  type Run,
  type ScoredUnits,
  scoreHistogram,
} from "../../src/report/index.js";

/** Names that try to leave their place: elements, attributes, styles, comments, and what is not seen. */
export const HOSTILE = [
  `"><script>alert(1)</script>`,
  `'><img src=x onerror=alert(1)>`,
  "</style><style>*{display:none}",
  "</title></svg><svg onload=alert(1)>",
  "a & b &lt; c",
  "--><!-- ]]>",
  "evil\u202Egnp.exe\u2066\u200B\u0000\n\uD800",
] as const;

function uniform(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state + 0.5) / 2 ** 32;
  };
}

function gradientTimesWeight(count: number, scale: number, random: () => number): Float32Array {
  const normal = (): number => Math.sqrt(-2 * Math.log(random())) * Math.cos(2 * Math.PI * random());
  return Float32Array.from({ length: count }, () => Math.abs(normal() * normal()) * scale);
}

interface VitSize {
  readonly depth: number;
  readonly width: number;
  readonly tokens: number;
}

const DEIT_TINY: VitSize = { depth: 12, width: 192, tokens: 197 };
const DIGITS: VitSize = { depth: 4, width: 64, tokens: 50 };

/** Scores a sample of each weight of a ViT, cuts the lowest globally and describes the outcome as a run. */
function vitRun(
  { depth, width, tokens }: VitSize,
  model: Report["model"],
  run: Pick<Run, "method" | "criterion" | "sparsity" | "pruned" | "finetuned">,
  rounds: number,
): Run {
  const random = uniform(7);
  const kinds = { "attn.qkv": 3, "attn.proj": 1, "mlp.fc1": 4, "mlp.fc2": 4 };
  const named = Array.from({ length: depth }, (_, block) =>
    Object.entries(kinds).map(([kind, factor], i) => ({
      name: `blocks.${block}.${kind}.weight`,
      shape: kind === "mlp.fc2" ? [width, factor * width] : [factor * width, width],
      scores: gradientTimesWeight(300 * factor, 1e-7 * (1 + 0.3 * block) * [1, 2.4, 0.8, 1.3][i], random),
    })),
  ).flat();
  const sorted = Float32Array.from(named.flatMap(({ scores }) => [...scores])).sort();
  const k = Math.floor(run.sparsity * sorted.length);
  const threshold = sorted[k - 1];
  const scored = named.map((layer) => ({
    ...layer,
    kept: Uint8Array.from(layer.scores, (s) => (s > threshold ? 1 : 0)),
  }));
  const layers: LayerDensity[] = scored.map(({ name, shape, kept }) => {
    const share = kept.reduce((sum, bit) => sum + bit, 0) / kept.length;
    const weights = shape[0] * shape[1];
    return layerDensity(name, shape, Math.round(share * weights), 2 * weights * tokens);
  });
  const total = layers.reduce((sum, layer) => sum + layer.total, 0);
  const histogramOf = (label: string, parts: readonly ScoredUnits[]) => scoreHistogram(parts, { label, threshold });
  return {
    ...run,
    compacted: null,
    depths: [],
    parameters: keptParameters(
      model.parameters,
      layers.map((layer) => ({ data: new Uint8Array(layer.total - layer.kept) })),
    ),
    flops: keptFlops(model.flops, layers),
    rounds: Array.from({ length: rounds }, (_, i) => {
      const targetDensity = (1 - run.sparsity) ** ((i + 1) / rounds);
      return {
        round: i + 1,
        targetDensity,
        kept: Math.round(targetDensity * total),
        total,
        threshold: (threshold * (i + 1)) / rounds,
      };
    }),
    layers,
    histograms: [
      histogramOf("all layers", scored),
      ...Object.keys(kinds).map((kind) =>
        histogramOf(
          kind.split(".")[1],
          scored.filter(({ name }) => name.includes(kind)),
        ),
      ),
    ],
  };
}

const LLVMPIPE: Report["adapter"] = {
  vendor: "mesa",
  architecture: "",
  device: "0x0",
  description: "llvmpipe: Mesa 25.0.7 (LLVM 19.1.7)",
  kind: "lavapipe",
};

const SETTINGS: Report["settings"] = {
  scope: "global",
  granularity: "weight",
  schedule: "exponential",
  rounds: 5,
  batch: 10,
  examplesPerClass: 10,
  reference: false,
  finetune: null,
};

/** `secateur prune` of a DeiT-tiny: one run, 48 layers. */
export function deitReport(): Report {
  const model: Report["model"] = {
    name: "deit-tiny",
    config: {
      img_size: 224,
      patch_size: 16,
      embed_dim: 192,
      depth: 12,
      num_heads: 3,
      mean: [0.485, 0.456, 0.406],
      qkv_bias: true,
    },
    parameters: 5_717_416,
    flops: 2_510_000_000,
  };
  return {
    schema: 1,
    versions: { secateur: "0.1.0", node: "20.19.5", dawn: "0.6.2" },
    seed: 0,
    command: [
      "secateur",
      "prune",
      "models/deit tiny",
      "--method",
      "taylor-squared",
      "--sparsity",
      "0.5",
      "--out",
      "out",
    ],
    adapter: LLVMPIPE,
    model,
    data: {
      calibration: { name: "imagenette-val", examples: 100, classes: 10 },
      evaluation: { name: "imagenette-val", examples: 400, classes: 10 },
    },
    settings: SETTINGS,
    dense: { top1: 0.665, top5: 0.9075, loss: 1.3021, examples: 400, nonFinite: 0 },
    runs: [
      vitRun(
        DEIT_TINY,
        model,
        {
          method: "taylor-squared",
          criterion: "taylor-squared",
          sparsity: 0.5,
          pruned: { top1: 0.655, top5: 0.9, loss: 1.5177, examples: 400, nonFinite: 0 },
          finetuned: null,
        },
        5,
      ),
    ],
    warnings: [],
  };
}

/** The demo: three methods at three sparsities, one of them finetuned. */
export function demoReport(): Report {
  const model: Report["model"] = {
    name: "vit-digits",
    config: { img_size: 28, patch_size: 4, embed_dim: 64, depth: 4, num_heads: 4, num_classes: 10 },
    parameters: 204_554,
    flops: 21_400_000,
  };
  const accuracies = {
    random: [0.402, 0.131, 0.098],
    magnitude: [0.9741, 0.9312, 0.415],
    taylor: [0.9779, 0.9702, 0.861],
  };
  const runs = Object.entries(accuracies).flatMap(([method, top1s]) =>
    top1s.map((top1, i) => {
      const sparsity = [0.5, 0.7, 0.9][i];
      const finetuned =
        method === "taylor" && sparsity === 0.9
          ? { top1: 0.9655, top5: 0.9989, loss: 0.1166, examples: 10_000, nonFinite: 0 }
          : null;
      const pruned = { top1, top5: (1 + top1) / 2, loss: 2.4 * (1 - top1), examples: 10_000, nonFinite: 0 };
      return vitRun(DIGITS, model, { method, criterion: method, sparsity, pruned, finetuned }, 1);
    }),
  );
  return {
    ...deitReport(),
    command: ["secateur", "demo"],
    model,
    data: {
      calibration: { name: "mnist train", examples: 100, classes: 10 },
      evaluation: { name: "mnist test", examples: 10_000, classes: 10 },
    },
    settings: {
      ...SETTINGS,
      schedule: "one-shot",
      rounds: 1,
      finetune: { epochs: 1, learningRate: 5e-4, weightDecay: 0.05 },
    },
    dense: { top1: 0.9786, top5: 0.9997, loss: 0.0702, examples: 10_000, nonFinite: 0 },
    runs,
  };
}

/** Nothing was evaluated, recorded or known. */
export function minimalReport(): Report {
  const run: Run = {
    method: "magnitude",
    criterion: "magnitude",
    sparsity: 0.9,
    pruned: null,
    finetuned: null,
    compacted: null,
    depths: [],
    parameters: null,
    flops: null,
    rounds: [],
    layers: [],
    histograms: [],
  };
  return {
    ...deitReport(),
    versions: { secateur: "0.1.0", node: null, dawn: null },
    adapter: null,
    model: { name: "mlp", config: {}, parameters: 1000, flops: null },
    data: { calibration: null, evaluation: null },
    settings: { ...SETTINGS, examplesPerClass: null },
    dense: null,
    runs: [run],
  };
}

/** Hostile names at every string, and numbers that are none. */
export function weirdReport(): Report {
  const [script, image, style, title, entities, comment, bidi] = HOSTILE;
  const broken = { top1: NaN, top5: null, loss: Infinity, examples: 0, nonFinite: 0 };
  const scores = Float32Array.of(NaN, Infinity, -Infinity, 0, -1, 2, 2, 3);
  const histograms = [
    scoreHistogram([{ scores, kept: Uint8Array.of(1, 1, 0, 0, 0, 0, 1, 1) }], { label: style, threshold: 1, bins: 12 }),
    scoreHistogram([{ scores: Float32Array.of(NaN, 0, 0), kept: Uint8Array.of(0, 0, 1) }], {
      label: script,
      threshold: Infinity,
    }),
    scoreHistogram([{ scores: new Float32Array(5).fill(3), kept: Uint8Array.of(0, 0, 1, 1, 1) }], {
      label: title,
      threshold: 3,
    }),
    scoreHistogram([], { label: image }),
  ];
  const runs = [script, title].map(
    (method, i): Run => ({
      method,
      criterion: comment,
      sparsity: i === 0 ? 0.98 : NaN,
      pruned: broken,
      finetuned: { ...broken, top1: 0.5 },
      compacted: {
        batch: NaN,
        dense: { parameters: 0, flops: null, bytes: -1, imagesPerSecond: 0 },
        compact: { parameters: Infinity, flops: NaN, bytes: null, imagesPerSecond: 12.3 },
      },
      depths: [{ depth: NaN, parameters: 0, top1: Infinity }],
      parameters: NaN,
      flops: Infinity,
      rounds: [{ round: 1, targetDensity: NaN, kept: 0, total: 0, threshold: -Infinity }],
      layers: [
        { ...layerDensity(`blocks.0.${script}.weight`, [3, 4], 5), kind: style },
        { ...layerDensity(`${image}.1.x`, [0], 0), group: bidi },
        layerDensity(title, [], 1),
      ],
      histograms,
    }),
  );
  return {
    schema: 1,
    versions: { secateur: script, node: style, dawn: bidi },
    seed: NaN,
    command: ["secateur", ...HOSTILE],
    adapter: {
      vendor: script,
      architecture: image,
      device: style,
      description: title,
      kind: `${entities}${bidi}`,
    },
    model: { name: `${bidi}${script}`, config: { [script]: style, list: [1, NaN] }, parameters: NaN, flops: NaN },
    data: {
      calibration: { name: image, examples: NaN, classes: 0 },
      evaluation: { name: title, examples: 1, classes: 1 },
    },
    settings: { ...SETTINGS, scope: script, granularity: image, schedule: style, finetune: { [title]: comment } },
    dense: broken,
    runs,
    warnings: [...HOSTILE],
  };
}
