/** Small ONNX models, as the library's own writer encodes them, with float inputs and outputs of fixed shapes. */
import { Message } from "../../src/io/onnx/protobuf.js";
import type { HostTensor, HostTensors } from "./peer.js";

export interface OnnxNode {
  readonly operator: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  /** Integers, and floats that are marked. */
  readonly attributes?: Readonly<Record<string, number | readonly number[] | { readonly float: number }>>;
  /** "com.microsoft" for onnxruntime's own. */
  readonly domain?: string;
}

/** The first with Gelu. */
const OPSET = 20;
const IR_VERSION = 9;

/** TensorProto.DataType. */
const FLOAT = 1;

function attributeMessage(name: string, value: number | readonly number[] | { readonly float: number }): Message {
  const attribute = new Message().string(1, name);
  if (typeof value === "number") return attribute.int(3, value).int(20, 2);
  if ("float" in value) return attribute.float(2, value.float).int(20, 1);
  for (const entry of value) attribute.int(8, entry);
  return attribute.int(20, 7);
}

function nodeMessage({ operator, inputs, outputs, attributes = {}, domain = "" }: OnnxNode): Message {
  const node = new Message();
  for (const input of inputs) node.string(1, input);
  for (const output of outputs) node.string(2, output);
  node.string(3, outputs[0]).string(4, operator);
  for (const [name, value] of Object.entries(attributes)) node.message(5, attributeMessage(name, value));
  return node.string(7, domain);
}

function valueInfo(name: string, { shape }: Pick<HostTensor, "shape">): Message {
  const extents = new Message();
  for (const extent of shape) extents.message(1, new Message().int(1, extent));
  const type = new Message().int(1, FLOAT).message(2, extents);
  return new Message().string(1, name).message(2, new Message().message(1, type));
}

function initializer(name: string, { shape, data }: OnnxConstant): Message {
  const tensor = new Message();
  for (const extent of shape) tensor.int(1, extent);
  const type = data instanceof Float32Array ? FLOAT : 7;
  return tensor
    .int(2, type)
    .string(8, name)
    .bytes(9, new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
}

export interface OnnxConstant {
  readonly shape: readonly number[];
  readonly data: Float32Array | BigInt64Array;
}

type Shapes = Readonly<Record<string, { readonly shape: readonly number[] }>>;

/** A model of nodes in the order of their evaluation. */
export function onnxModel(
  nodes: readonly OnnxNode[],
  {
    inputs,
    outputs,
    constants = {},
  }: { inputs: HostTensors | Shapes; outputs: Shapes; constants?: Readonly<Record<string, OnnxConstant>> },
): Uint8Array {
  const graph = new Message();
  for (const node of nodes) graph.message(1, nodeMessage(node));
  graph.string(2, "row");
  for (const [name, value] of Object.entries(constants)) graph.message(5, initializer(name, value));
  for (const [name, value] of Object.entries(inputs)) graph.message(11, valueInfo(name, value));
  for (const [name, value] of Object.entries(outputs)) graph.message(12, valueInfo(name, value));
  const opset = (domain: string, version: number) => new Message().string(1, domain).int(2, version);
  return new Message()
    .int(1, IR_VERSION)
    .string(2, "secateur")
    .message(7, graph)
    .message(8, opset("", OPSET))
    .message(8, opset("com.microsoft", 1))
    .encode();
}
