import { FormatError } from "../errors.js";
import { widenBfloat16, widenFloat16 } from "./float16.js";
import { parseHeader, type StoredType } from "./safetensors-header.js";
import { quote, shapeText } from "./text.js";

/** Element types that this library holds in memory, each with its typed array. */
export interface HostArrays {
  F32: Float32Array;
  U8: Uint8Array;
  BOOL: Uint8Array;
  I32: Int32Array;
  I64: BigInt64Array;
}

/** Element types that tensors have on the host. */
export type HostType = keyof HostArrays;

/** A dense row-major tensor in host memory; a union discriminated by `dtype`. */
export type HostTensor<T extends HostType = HostType> = {
  [K in T]: { readonly dtype: K; readonly shape: readonly number[]; readonly data: HostArrays[K] };
}[T];

/** Float tensors, as weights and scores are held. */
export type FloatTensor = { readonly shape: readonly number[]; readonly data: Float32Array };

/** Content of a safetensors file. Maps, so that a tensor may have any name. */
export interface SafetensorsFile {
  readonly tensors: Map<string, HostTensor>;
  readonly metadata: Map<string, string>;
}

/**
 * Parses a safetensors file: u64 header length, JSON header, data. Every tensor is copied out of `bytes`.
 * F16, BF16 and F64 become F32.
 *
 * @param source - name of the file, for messages
 * @throws FormatError for every disagreement between header and data.
 */
export function parseSafetensors(bytes: Uint8Array, source: string): SafetensorsFile {
  const { entries, metadata, dataStart } = parseHeader(bytes, source);
  const tensors = new Map<string, HostTensor>();
  for (const [name, { dtype, shape, begin, end }] of entries) {
    // Not slice(), which on Node's Buffer is a view.
    const { buffer } = new Uint8Array(bytes.subarray(dataStart + begin, dataStart + end));
    const tensor = toHost(dtype, shape, buffer);
    if (!tensor) {
      throw new FormatError(
        `${source}: expected tensor ${quote(name)} as F32, F16, BF16, F64, U8, BOOL, I32 or I64, got ${dtype}; convert it`,
      );
    }
    if (tensor.dtype === "BOOL" && tensor.data.some((value) => value > 1)) {
      throw new FormatError(
        `${source}: expected BOOL tensor ${quote(name)} to hold 0 and 1, got other bytes; write it as U8`,
      );
    }
    tensors.set(name, tensor);
  }
  return { tensors, metadata };
}

/** Views the bytes as their type. Safetensors is little-endian, as is every platform that runs WebGPU. */
function toHost(dtype: StoredType, shape: readonly number[], buffer: ArrayBuffer): HostTensor | undefined {
  switch (dtype) {
    case "F32":
      return { dtype, shape, data: new Float32Array(buffer) };
    case "F16":
      return { dtype: "F32", shape, data: widenFloat16(new Uint16Array(buffer)) };
    case "BF16":
      return { dtype: "F32", shape, data: widenBfloat16(new Uint16Array(buffer)) };
    case "F64":
      return { dtype: "F32", shape, data: Float32Array.from(new Float64Array(buffer)) };
    case "U8":
    case "BOOL":
      return { dtype, shape, data: new Uint8Array(buffer) };
    case "I32":
      return { dtype, shape, data: new Int32Array(buffer) };
    case "I64":
      return { dtype, shape, data: new BigInt64Array(buffer) };
    default:
      return undefined;
  }
}

/**
 * Writes a safetensors file. The same tensors give the same bytes whatever their order: they are laid out by falling
 * element size (so that each is aligned), then by name; metadata by key; the header is padded with spaces to 8 bytes.
 *
 * @throws FormatError for a tensor whose data do not have the length of its shape, or with the reserved name `__metadata__`.
 */
export function encodeSafetensors(
  tensors: Iterable<readonly [string, HostTensor]>,
  metadata: Iterable<readonly [string, string]> = [],
): Uint8Array<ArrayBuffer> {
  const { ordered, head, length } = layOut(tensors, metadata);
  const out = new Uint8Array(length);
  out.set(head);
  let at = head.length;
  for (const [, { data }] of ordered) {
    out.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), at);
    at += data.byteLength;
  }
  return out;
}

/** Bytes of the file that {@link encodeSafetensors} writes. */
export const encodedLength = (...content: Parameters<typeof layOut>): number => layOut(...content).length;

/** Tensors in the file's order, what comes before their data, and the bytes of the whole. */
function layOut(tensors: Iterable<readonly [string, HostTensor]>, metadata: Iterable<readonly [string, string]>) {
  const ordered = [...tensors].sort(
    ([a, { data: x }], [b, { data: y }]) => y.BYTES_PER_ELEMENT - x.BYTES_PER_ELEMENT || byName(a, b),
  );
  const notes = [...metadata]
    .sort(([a], [b]) => byName(a, b))
    .map((pair) => pair.map((s) => JSON.stringify(s)).join(":"));
  const fields = notes.length ? [`"__metadata__":{${notes.join(",")}}`] : [];
  let offset = 0;
  for (const [name, { dtype, shape, data }] of ordered) {
    const length = shape.reduce((product, size) => product * size, 1);
    if (name === "__metadata__" || data.length !== length) {
      const expected = name === "__metadata__" ? "another name" : `${length} elements for ${shapeText(shape)}`;
      throw new FormatError(
        `tensor ${quote(name)}: expected ${expected}, got ${data.length} elements; it cannot be saved`,
      );
    }
    const end = offset + data.byteLength;
    fields.push(`${JSON.stringify(name)}:${JSON.stringify({ dtype, shape, data_offsets: [offset, end] })}`);
    offset = end;
  }
  const json = new TextEncoder().encode(`{${fields.join(",")}}`);
  const headerLength = Math.ceil(json.length / 8) * 8;
  const head = new Uint8Array(8 + headerLength);
  new DataView(head.buffer).setBigUint64(0, BigInt(headerLength), true);
  head.fill(0x20, 8).set(json, 8);
  return { ordered, head, length: head.length + offset };
}

const byName = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
