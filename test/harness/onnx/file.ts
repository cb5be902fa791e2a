/** Reads ONNX files back, by the field numbers of onnx.proto and independent of what writes them. */

export interface OnnxTensor {
  readonly shape: readonly number[];
  readonly type: "f32" | "i64";
  readonly data: Float64Array;
}

export interface OnnxNode {
  readonly name: string;
  readonly operator: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: ReadonlyMap<string, number | readonly number[]>;
}

/** A graph's input or output; a text stands for an extent that the caller chooses. */
export interface OnnxValue {
  readonly name: string;
  readonly elementType: number;
  readonly shape: readonly (number | string)[];
}

export interface OnnxFile {
  readonly irVersion: number;
  readonly producer: string;
  readonly opsets: ReadonlyMap<string, number>;
  readonly metadata: ReadonlyMap<string, string>;
  readonly name: string;
  readonly nodes: readonly OnnxNode[];
  readonly initializers: ReadonlyMap<string, OnnxTensor>;
  readonly inputs: readonly OnnxValue[];
  readonly outputs: readonly OnnxValue[];
}

/** The fields of one message, each with its values in their order. */
class Fields {
  readonly #values = new Map<number, (number | Uint8Array)[]>();

  constructor(bytes: Uint8Array) {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    let at = 0;
    const varint = (): number => {
      let value = 0n;
      let shift = 0n;
      let byte: number;
      do {
        byte = bytes[at++];
        value |= BigInt(byte & 0x7f) << shift;
        shift += 7n;
      } while (byte & 0x80);
      return Number(BigInt.asIntN(64, value));
    };
    const readers: Record<number, () => number | Uint8Array> = {
      0: varint,
      2: () => {
        const length = varint();
        return bytes.subarray(at, (at += length));
      },
      5: () => view.getFloat32((at += 4) - 4, true),
    };
    while (at < bytes.length) {
      const tag = varint();
      const values = this.#values.get(tag >> 3) ?? [];
      this.#values.set(tag >> 3, values);
      values.push(readers[tag & 7]());
    }
    if (at !== bytes.length) throw new Error(`a message of ${bytes.length} bytes has fields of ${at}`);
  }

  numbers = (field: number): number[] => (this.#values.get(field) ?? []) as number[];
  bytes = (field: number): Uint8Array[] => (this.#values.get(field) ?? []) as Uint8Array[];
  texts = (field: number): string[] => this.bytes(field).map((bytes) => new TextDecoder().decode(bytes));
  messages = (field: number): Fields[] => this.bytes(field).map((bytes) => new Fields(bytes));
}

function readAttribute(attribute: Fields): [name: string, value: number | readonly number[]] {
  const [name] = attribute.texts(1);
  const [type] = attribute.numbers(20);
  const values = { 1: attribute.numbers(2)[0], 2: attribute.numbers(3)[0], 7: attribute.numbers(8) }[type];
  if (values === undefined) throw new Error(`attribute ${name} of unknown type ${type}`);
  return [name, values];
}

const readNode = (node: Fields): OnnxNode => ({
  name: node.texts(3)[0],
  operator: node.texts(4)[0],
  inputs: node.texts(1),
  outputs: node.texts(2),
  attributes: new Map(node.messages(5).map(readAttribute)),
});

function readTensor(tensor: Fields): [name: string, tensor: OnnxTensor] {
  const raw = new Uint8Array(tensor.bytes(9)[0]).buffer;
  const isFloat = tensor.numbers(2)[0] === 1;
  const data = isFloat ? Float64Array.from(new Float32Array(raw)) : Float64Array.from(new BigInt64Array(raw), Number);
  return [tensor.texts(8)[0], { shape: tensor.numbers(1), type: isFloat ? "f32" : "i64", data }];
}

function readValue(value: Fields): OnnxValue {
  const [tensorType] = value.messages(2)[0].messages(1);
  const shape = tensorType.messages(2)[0].messages(1);
  return {
    name: value.texts(1)[0],
    elementType: tensorType.numbers(1)[0],
    shape: shape.map((extent) => extent.numbers(1)[0] ?? extent.texts(2)[0]),
  };
}

export function readOnnx(bytes: Uint8Array): OnnxFile {
  const model = new Fields(bytes);
  const [graph] = model.messages(7);
  return {
    irVersion: model.numbers(1)[0],
    producer: model.texts(2)[0],
    opsets: new Map(model.messages(8).map((opset) => [opset.texts(1)[0], opset.numbers(2)[0]])),
    metadata: new Map(model.messages(14).map((entry) => [entry.texts(1)[0], entry.texts(2)[0]])),
    name: graph.texts(2)[0],
    nodes: graph.messages(1).map(readNode),
    initializers: new Map(graph.messages(5).map(readTensor)),
    inputs: graph.messages(11).map(readValue),
    outputs: graph.messages(12).map(readValue),
  };
}
