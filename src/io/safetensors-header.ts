import { FormatError } from "../errors.js";
import { isObject, parseJsonObject } from "./json.js";
import { quote } from "./text.js";

/** Bytes of one element of each type that the format names. */
const elementBytes = {
  F64: 8,
  F32: 4,
  F16: 2,
  BF16: 2,
  F8_E4M3: 1,
  F8_E5M2: 1,
  I64: 8,
  I32: 4,
  I16: 2,
  I8: 1,
  U64: 8,
  U32: 4,
  U16: 2,
  U8: 1,
  BOOL: 1,
} as const;

export type StoredType = keyof typeof elementBytes;

/** One checked header entry; `begin` and `end` are byte offsets into the data. */
export interface HeaderEntry {
  readonly dtype: StoredType;
  readonly shape: readonly number[];
  readonly begin: number;
  readonly end: number;
}

export interface Header {
  readonly entries: Map<string, HeaderEntry>;
  readonly metadata: Map<string, string>;
  readonly dataStart: number;
}

/** The reference implementation's limit. */
const maxHeaderBytes = 100_000_000;

/**
 * Reads and checks the header of a safetensors file: after this, entries tile the data without hole or overlap.
 *
 * @throws FormatError naming the file and the tensor that does not hold.
 */
export function parseHeader(bytes: Uint8Array, source: string): Header {
  if (bytes.length < 8) {
    throw new FormatError(`${source}: expected a safetensors file, got ${bytes.length} bytes; fetch the file again`);
  }
  const announced = new DataView(bytes.buffer, bytes.byteOffset, 8).getBigUint64(0, true);
  const limit = Math.min(maxHeaderBytes, bytes.length - 8);
  if (announced > limit) {
    throw new FormatError(
      `${source}: expected a header of at most ${limit} bytes, got a length of ${announced}; the file is truncated or not safetensors`,
    );
  }
  const dataStart = 8 + Number(announced);
  if (bytes[8] !== 0x7b || announced === 0n) {
    throw new FormatError(`${source}: expected a header that begins with "{", got something else; is it safetensors?`);
  }
  const json = parseJsonObject(bytes.subarray(8, dataStart), `${source} (header)`);
  const entries = new Map<string, HeaderEntry>();
  let metadata = new Map<string, string>();
  for (const [name, value] of Object.entries(json)) {
    if (name === "__metadata__") metadata = parseMetadata(value, source);
    else entries.set(name, parseEntry(value, `${source}: tensor ${quote(name)}`));
  }
  checkTiling(entries, bytes.length - dataStart, source);
  return { entries, metadata, dataStart };
}

function parseMetadata(value: unknown, source: string): Map<string, string> {
  if (!isObject(value) || Object.values(value).some((text) => typeof text !== "string")) {
    throw new FormatError(`${source}: expected __metadata__ to map strings to strings, got ${quote(value)}; remove it`);
  }
  return new Map(Object.entries(value as Record<string, string>));
}

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

/** @param where - file and tensor, to open messages with */
function parseEntry(value: unknown, where: string): HeaderEntry {
  if (!isObject(value)) {
    throw new FormatError(`${where}: expected an object, got ${quote(value)}; write the file again`);
  }
  const { dtype, shape, data_offsets: offsets } = value;
  if (typeof dtype !== "string" || !Object.hasOwn(elementBytes, dtype)) {
    throw new FormatError(`${where}: expected a known dtype such as F32, got ${quote(dtype)}; convert it`);
  }
  if (!Array.isArray(shape) || !shape.every(isCount) || !isCount(shape.reduce((a, b) => a * Math.max(b, 1), 8))) {
    throw new FormatError(`${where}: expected a shape of non-negative integers, got ${quote(shape)}; write it again`);
  }
  if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(isCount) || offsets[0] > offsets[1]) {
    throw new FormatError(`${where}: expected data_offsets [begin, end], got ${quote(offsets)}; write it again`);
  }
  const [begin, end] = offsets as [number, number];
  const size = shape.reduce((product, extent) => product * extent, elementBytes[dtype as StoredType]);
  if (end - begin !== size) {
    throw new FormatError(
      `${where}: expected ${size} bytes for ${dtype} ${quote(shape)}, got offsets ${quote(offsets)}; the header is wrong`,
    );
  }
  return { dtype: dtype as StoredType, shape, begin, end };
}

/** Entries in order of their offsets must begin where the last one ended, and end with the file. */
function checkTiling(entries: Map<string, HeaderEntry>, dataBytes: number, source: string): void {
  const ordered = [...entries].sort(([, a], [, b]) => a.begin - b.begin || a.end - b.end);
  let at = 0;
  for (const [name, { begin, end }] of ordered) {
    if (begin !== at) {
      const flaw = begin < at ? "overlaps the tensor before it" : "leaves a hole before it";
      throw new FormatError(
        `${source}: expected tensor ${quote(name)} to begin at byte ${at}, got ${begin}, which ${flaw}; the header is wrong`,
      );
    }
    at = end;
  }
  if (at !== dataBytes) {
    const flaw = at > dataBytes ? "the file is truncated" : "the file has bytes that belong to no tensor";
    throw new FormatError(`${source}: expected ${at} bytes of data, got ${dataBytes}; ${flaw}`);
  }
}
