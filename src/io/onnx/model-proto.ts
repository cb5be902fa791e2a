/** The messages of onnx.proto (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto) as far as a network of one input and one output needs them. */
import type { Attribute, Graph, GraphNode, Initializer } from "./graph.js";
import { Message } from "./protobuf.js";

/** The first with LayerNormalization. */
export const ONNX_OPSET = 17;

/** The file format's version that came with the opset. */
const IR_VERSION = 8;

/** TensorProto.DataType. */
const FLOAT = 1;
const INT64 = 7;

/** AttributeProto.AttributeType. */
const ATTRIBUTE_FLOAT = 1;
const ATTRIBUTE_INT = 2;
const ATTRIBUTE_INTS = 7;

/** An input or output: a float tensor whose first extent is any number of examples. */
export interface BatchOf {
  readonly name: string;
  /** Of one example. */
  readonly shape: readonly number[];
}

function attributeProto(name: string, value: Attribute): Message {
  const attribute = new Message().string(1, name);
  if (typeof value === "number") return attribute.int(3, value).int(20, ATTRIBUTE_INT);
  if ("float" in value) return attribute.float(2, value.float).int(20, ATTRIBUTE_FLOAT);
  for (const entry of value) attribute.int(8, entry);
  return attribute.int(20, ATTRIBUTE_INTS);
}

function nodeProto({ name, operator, inputs, outputs, attributes }: GraphNode): Message {
  const node = new Message();
  for (const input of inputs) node.string(1, input);
  for (const output of outputs) node.string(2, output);
  node.string(3, name).string(4, operator);
  for (const [key, value] of Object.entries(attributes)) node.message(5, attributeProto(key, value));
  return node;
}

function tensorProto(name: string, { shape, data }: Initializer): Message {
  const tensor = new Message();
  for (const extent of shape) tensor.int(1, extent);
  return tensor
    .int(2, data instanceof Float32Array ? FLOAT : INT64)
    .string(8, name)
    .bytes(9, new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
}

function valueInfoProto({ name, shape }: BatchOf): Message {
  const extents = new Message().message(1, new Message().string(2, "batch"));
  for (const extent of shape) extents.message(1, new Message().int(1, extent));
  const tensorType = new Message().int(1, FLOAT).message(2, extents);
  return new Message().string(1, name).message(2, new Message().message(1, tensorType));
}

function graphProto(graph: Graph, name: string, input: BatchOf, output: BatchOf): Message {
  const message = new Message();
  for (const node of graph.nodes) message.message(1, nodeProto(node));
  message.string(2, name);
  for (const [key, value] of graph.initializers) message.message(5, tensorProto(key, value));
  return message.message(11, valueInfoProto(input)).message(12, valueInfoProto(output));
}

/** What a file says besides the graph. */
export interface ModelNotes {
  /** Of the graph. */
  readonly name: string;
  readonly metadata: ReadonlyMap<string, string>;
}

/** A file as a message that refers to the initializers' data. */
export function modelProto(graph: Graph, input: BatchOf, output: BatchOf, { name, metadata }: ModelNotes): Message {
  const model = new Message()
    .int(1, IR_VERSION)
    .string(2, "secateur")
    .message(7, graphProto(graph, name, input, output))
    .message(8, new Message().string(1, "").int(2, ONNX_OPSET));
  for (const [key, value] of metadata) model.message(14, new Message().string(1, key).string(2, value));
  return model;
}
