import { describe, expect, test } from "vitest";
import { FormatError } from "../../src/errors.js";
import {
  detectNaming,
  encodeCheckpoint,
  encodeSafetensors,
  expectedParameters,
  fromTimmNames,
  type HostTensor,
  type JsonObject,
  parseCheckpoint,
  parseModelConfig,
  parseSafetensors,
  toTimmNames,
  type ViTConfig,
  withNetwork,
} from "../../src/io/index.js";
import { jsonBytes, numberedWeights, tinyWords } from "./helpers.js";

const huggingFace = {
  hidden_size: 6,
  num_hidden_layers: 2,
  num_attention_heads: 2,
  intermediate_size: 24,
  image_size: 8,
  patch_size: 4,
  num_labels: 3,
};
const deit = { ...huggingFace, model_type: "deit", architectures: ["DeiTForImageClassificationWithTeacher"] };

function files(weights: Iterable<readonly [string, HostTensor]>, config: JsonObject) {
  return {
    weights: { name: "model.safetensors", bytes: encodeSafetensors(weights, [["note", "kept"]]) },
    config: { name: "config.json", bytes: jsonBytes(config) },
  };
}

const weightsOf = (config: JsonObject) => numberedWeights(parseModelConfig(config, "x") as ViTConfig);

describe("names", () => {
  test("each of Hugging Face's DeiT names, and back", () => {
    const timm = weightsOf(deit);
    const renamed = fromTimmNames(timm, "deit");
    const layer = (n: number) =>
      [
        "attention.attention.query",
        "attention.attention.key",
        "attention.attention.value",
        "attention.output.dense",
        "intermediate.dense",
        "output.dense",
        "layernorm_before",
        "layernorm_after",
      ].flatMap((stem) => [`deit.encoder.layer.${n}.${stem}.weight`, `deit.encoder.layer.${n}.${stem}.bias`]);
    expect([...renamed.keys()].sort()).toEqual(
      [
        "deit.embeddings.cls_token",
        "deit.embeddings.distillation_token",
        "deit.embeddings.position_embeddings",
        "deit.embeddings.patch_embeddings.projection.weight",
        "deit.embeddings.patch_embeddings.projection.bias",
        "deit.layernorm.weight",
        "deit.layernorm.bias",
        "cls_classifier.weight",
        "cls_classifier.bias",
        "distillation_classifier.weight",
        "distillation_classifier.bias",
        ...layer(0),
        ...layer(1),
      ].sort(),
    );
    expect(detectNaming(renamed.keys())).toBe("deit");
    expect(toTimmNames(renamed, "deit", "x")).toEqual(timm);
  });

  test("query, key and value are the thirds of qkv, for weights, masks and biases", () => {
    const qkv: HostTensor = { dtype: "U8", shape: [6, 2], data: Uint8Array.from({ length: 12 }, (_, i) => i) };
    const renamed = fromTimmNames(
      new Map<string, HostTensor>([
        ["blocks.11.attn.qkv.weight", qkv],
        ["head.weight", qkv],
      ]),
      "vit",
    );
    const key = renamed.get("vit.encoder.layer.11.attention.attention.key.weight");
    expect(key).toEqual({ dtype: "U8", shape: [2, 2], data: Uint8Array.of(4, 5, 6, 7) });
    expect(renamed.has("classifier.weight")).toBe(true);
  });

  test("an incomplete query, key, value is refused", () => {
    const part: HostTensor = { dtype: "F32", shape: [2, 2], data: new Float32Array(4) };
    const name = (which: string) => `vit.encoder.layer.0.attention.attention.${which}.weight`;
    expect(() =>
      toTimmNames(
        new Map([
          [name("query"), part],
          [name("key"), part],
        ]),
        "vit",
        "x",
      ),
    ).toThrow(/got F32 2 x 2, F32 2 x 2, none/);
    expect(() => toTimmNames(new Map([[name("value"), part]]), "vit", "x")).toThrow(/expected the query beside/);
  });
});

describe("checkpoints", () => {
  test.each([
    ["timm", "timm", tinyWords],
    ["timm, distilled, without qkv bias", "timm", { ...tinyWords, distilled: true, qkv_bias: false }],
    ["timm, mean of the patches", "timm", { ...tinyWords, pool: "avg", class_token: false }],
    ["Hugging Face ViT", "vit", { ...huggingFace, model_type: "vit" }],
    ["Hugging Face DeiT", "deit", deit],
  ] as const)("%s: read, then written with its own names", (_, naming, config) => {
    const weights = weightsOf(config);
    const given = files(fromTimmNames(weights, naming), config);
    const checkpoint = parseCheckpoint(given);
    expect(checkpoint.naming).toBe(naming);
    expect(
      [...checkpoint.weights].map(([name, { shape, data }]) => [name, { dtype: "F32", shape, data }]).sort(),
    ).toEqual([...weights].sort());
    const written = encodeCheckpoint(checkpoint);
    expect(JSON.parse(new TextDecoder().decode(written.get("config.json")))).toEqual(config);
    const { tensors, metadata } = parseSafetensors(written.get("model.safetensors")!, "x");
    expect(tensors).toEqual(fromTimmNames(weights, naming));
    expect(metadata).toEqual(
      new Map([
        ["format", "pt"],
        ["note", "kept"],
      ]),
    );
  });

  test("batch norms' counters of batches are left out, running statistics are not", () => {
    const config = { architecture: "resnet20", img_size: 8 };
    const shapes = expectedParameters(parseModelConfig(config, "x"));
    const weights = new Map<string, HostTensor>();
    for (const [index, [name, shape]] of [...shapes].entries()) {
      const data = new Float32Array(shape.reduce((size, extent) => size * extent, 1)).fill(index);
      weights.set(name, { dtype: "F32", shape: [...shape], data });
    }
    const counter: HostTensor = { dtype: "I64", shape: [], data: BigInt64Array.of(7n) };
    const counted = new Map(weights).set("bn.num_batches_tracked", counter);
    const checkpoint = parseCheckpoint(files(counted, config));
    expect([...checkpoint.weights.keys()].sort()).toEqual([...weights.keys()].sort());
    expect(checkpoint.weights.get("bn.running_var")!.data[0]).toBe([...shapes.keys()].indexOf("bn.running_var"));
    const { tensors } = parseSafetensors(encodeCheckpoint(checkpoint).get("model.safetensors")!, "x");
    expect(tensors).toEqual(weights);
    weights.delete("blocks.3.shortcut.1.running_mean");
    const incomplete = files(weights, config);
    expect(() => parseCheckpoint(incomplete)).toThrow(/"blocks.3.shortcut.1.running_mean" of shape 32, got none/);
  });

  const edits: [string, (weights: Map<string, HostTensor>) => unknown, RegExp][] = [
    ["a missing parameter", (w) => w.delete("norm.bias"), /expected "norm.bias" of shape 6, got none/],
    [
      "an unexpected one",
      (w) => w.set("dist_token", w.get("cls_token")!),
      /expected no parameter "dist_token", got one/,
    ],
    [
      "a wrong shape",
      (w) => w.set("head.weight", w.get("norm.weight")!),
      /expected "head.weight" of shape 3 x 6, got 6/,
    ],
    [
      "NaN",
      (w) => w.get("norm.weight")!.data.fill(NaN as never, 4),
      /finite values in "norm.weight", got NaN at element 4/,
    ],
    [
      "infinity",
      (w) => w.get("head.bias")!.data.fill(-Infinity as never, 1),
      /"head.bias", got -Infinity at element 1/,
    ],
    [
      "integers",
      (w) => w.set("head.bias", { dtype: "I32", shape: [3], data: new Int32Array(3) }),
      /"head.bias" to be float, got I32/,
    ],
  ];
  test.each(edits)("%s is refused", (_, edit, message) => {
    const weights = new Map<string, HostTensor>(weightsOf(tinyWords));
    edit(weights);
    const parse = () => parseCheckpoint(files(weights, tinyWords));
    expect(parse).toThrow(FormatError);
    expect(parse).toThrow(/^model\.safetensors: /);
    expect(parse).toThrow(message);
  });

  test("messages use the names of the file", () => {
    const config = { ...huggingFace, model_type: "vit" };
    const weights = weightsOf(config);
    weights.delete("norm.bias");
    expect(() => parseCheckpoint(files(fromTimmNames(weights, "vit"), config))).toThrow(
      /expected "vit\.layernorm\.bias"/,
    );
  });
});

describe("a network made from another one", () => {
  const checkpoint = parseCheckpoint(files(weightsOf(tinyWords), tinyWords));
  const { config, weights } = checkpoint as { config: ViTConfig; weights: typeof checkpoint.weights };
  const shallow = {
    config: { ...config, blocks: config.blocks.slice(0, 1) },
    weights: new Map([...weights].filter(([name]) => !name.startsWith("blocks.1."))),
  };

  test("is written with the config that it has", () => {
    const [[, bytes], [, json]] = encodeCheckpoint(withNetwork(checkpoint, shallow));
    const again = parseCheckpoint({ weights: { name: "w", bytes }, config: { name: "c", bytes: json } });
    expect(again.config).toEqual(shallow.config);
    expect([...again.weights.keys()].sort()).toEqual([...shallow.weights.keys()].sort());
  });

  test("is refused beside the words of the other one, which would not describe it", () => {
    expect(() => encodeCheckpoint({ ...checkpoint, ...shallow })).toThrow(/withNetwork\(checkpoint/);
  });
});
