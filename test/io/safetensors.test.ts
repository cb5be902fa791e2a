import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { FormatError } from "../../src/errors.js";
import { encodeSafetensors, type HostTensor, parseSafetensors } from "../../src/io/index.js";
import { noise, sharedPath, sharedTest, utf8 } from "./helpers.js";

/** A file with this header text and `dataBytes` zeros. */
function file(header: unknown, dataBytes = 0, announced?: bigint): Uint8Array {
  const json = utf8(typeof header === "string" ? header : JSON.stringify(header));
  const bytes = new Uint8Array(8 + json.length + dataBytes);
  new DataView(bytes.buffer).setBigUint64(0, announced ?? BigInt(json.length), true);
  bytes.set(json, 8);
  return bytes;
}

const f32 = (shape: unknown, data_offsets: unknown) => ({ dtype: "F32", shape, data_offsets });

const nested = `${"[".repeat(200_000)}${"]".repeat(200_000)}`;

describe("lies of a header", () => {
  const lies: [string, Uint8Array, RegExp][] = [
    ["no header", new Uint8Array(5), /got 5 bytes/],
    ["a length beyond the file", file({}, 0, 1000n), /at most 2 bytes, got a length of 1000/],
    ["a length of 2^63", file({}, 0, 1n << 63n), /got a length of 9223372036854775808/],
    ["an empty header", file("", 8, 0n), /begins with "\{"/],
    ["not JSON", file("{not json}"), /does not parse/],
    ["not UTF-8", file("{}").fill(0xff, 9, 10), /does not parse/],
    ["an array", file("[1]"), /begins with "\{"/],
    ["a name twice", file(`{"a":${JSON.stringify(f32([1], [0, 4]))},"\\u0061":1}`, 4), /each key once, got "a" twice/],
    [
      "a field twice",
      file('{"a":{"dtype":"F32","dtype":"F16","shape":[1],"data_offsets":[0,4]}}', 4),
      /got "dtype" twice/,
    ],
    ["an entry that is no object", file({ a: [1] }), /expected an object/],
    [
      "an unknown dtype",
      file({ a: { dtype: "F31", shape: [1], data_offsets: [0, 4] } }, 4),
      /known dtype such as F32, got "F31"/,
    ],
    [
      "a dtype of the prototype",
      file({ a: { dtype: "toString", shape: [1], data_offsets: [0, 4] } }, 4),
      /known dtype/,
    ],
    ["no shape", file({ a: { dtype: "F32", data_offsets: [0, 4] } }, 4), /shape of non-negative integers/],
    ["a negative extent", file({ a: f32([-1], [0, 4]) }, 4), /non-negative integers, got \[-1\]/],
    ["a fractional extent", file({ a: f32([1.5], [0, 6]) }, 6), /non-negative integers/],
    ["an extent of text", file({ a: f32(["1"], [0, 4]) }, 4), /non-negative integers/],
    ["an overflowing shape", file({ a: f32([2 ** 40, 2 ** 40], [0, 4]) }, 4), /non-negative integers/],
    ["an overflowing shape times zero", file({ a: f32([2 ** 40, 2 ** 40, 0], [0, 0]) }), /non-negative integers/],
    ["three offsets", file({ a: f32([1], [0, 4, 4]) }, 4), /data_offsets \[begin, end\]/],
    ["falling offsets", file({ a: f32([1], [4, 0]) }, 4), /data_offsets \[begin, end\]/],
    ["a negative offset", file({ a: f32([1], [-4, 0]) }, 4), /data_offsets/],
    ["a wrong size", file({ a: f32([2], [0, 4]) }, 4), /expected 8 bytes for F32 \[2\]/],
    [
      "offsets beyond the file",
      file({ a: f32([2], [0, 8]) }, 4),
      /expected 8 bytes of data, got 4; the file is truncated/,
    ],
    [
      "an overlap",
      file({ a: f32([2], [0, 8]), b: f32([2], [4, 12]) }, 12),
      /"b" to begin at byte 8, got 4, which overlaps/,
    ],
    ["the same bytes twice", file({ a: f32([1], [0, 4]), b: f32([1], [0, 4]) }, 4), /overlaps/],
    ["a hole", file({ a: f32([1], [0, 4]), b: f32([1], [8, 12]) }, 12), /begin at byte 4, got 8, which leaves a hole/],
    ["a hole at the start", file({ a: f32([1], [4, 8]) }, 8), /begin at byte 0, got 4/],
    ["bytes of no tensor", file({ a: f32([1], [0, 4]) }, 5), /belong to no tensor/],
    ["metadata that is no text", file({ __metadata__: { a: 1 } }), /__metadata__/],
    ["metadata that is no object", file({ __metadata__: "a" }), /__metadata__/],
    ["an entry nested without end", file(`{"a":${nested}}`), /at most 64 levels of nesting/],
    ["metadata nested without end", file(`{"__metadata__":${nested}}`), /at most 64 levels of nesting/],
    ["an entry nested somewhat", file(`{"a":${"[".repeat(50)}${"]".repeat(50)}}`), /got \[\[\.\.\.\]\]/],
    ["a BOOL of 2", file({ a: { dtype: "BOOL", shape: [1], data_offsets: [0, 1] } }, 1).fill(2, -1), /to hold 0 and 1/],
    [
      "a type not held in memory",
      file({ a: { dtype: "U16", shape: [1], data_offsets: [0, 2] } }, 2),
      /got U16; convert it/,
    ],
  ];
  test.each(lies)("%s", (_, bytes, message) => {
    expect(() => parseSafetensors(bytes, "x.safetensors")).toThrow(FormatError);
    expect(() => parseSafetensors(bytes, "x.safetensors")).toThrow(/^x\.safetensors/);
    expect(() => parseSafetensors(bytes, "x.safetensors")).toThrow(message);
  });

  test("a name with a line break stays in one line, cut and escaped", () => {
    const bytes = file({ [`a\n\u009b${"x".repeat(200)}`]: f32([2], [0, 4]) }, 4);
    const message = /^[\x20-\x7e]{1,250}$/;
    expect(() => parseSafetensors(bytes, "x")).toThrow(message);
  });
});

test("a tensor may have any name, even one of JavaScript's own", () => {
  const bytes = file(
    '{"__proto__":{"dtype":"F32","shape":[],"data_offsets":[0,4]},"constructor":{"dtype":"U8","shape":[0],"data_offsets":[4,4]}}',
    4,
  );
  const { tensors } = parseSafetensors(bytes, "x");
  expect([...tensors.keys()]).toEqual(["__proto__", "constructor"]);
  expect(tensors.get("__proto__")!.data).toEqual(new Float32Array(1));
  expect(({} as { dtype?: string }).dtype).toBeUndefined();
  expect(parseSafetensors(encodeSafetensors(tensors), "y").tensors).toEqual(tensors);
});

test("F16, BF16 and F64 widen to F32", () => {
  const halves = [0x0000, 0x8000, 0x3c00, 0xc000, 0x7bff, 0x0400, 0x0001, 0x83ff, 0x3555, 0x7c00, 0xfc00, 0x7e00];
  const wide = [0, -0, 1, -2, 65504, 2 ** -14, 2 ** -24, -1023 * 2 ** -24, 0.333251953125, Infinity, -Infinity, NaN];
  const brains = [0x3f80, 0xc040, 0x0001, 0x7f80, 0x8000];
  const bytes = file(
    {
      d: { dtype: "F64", shape: [1], data_offsets: [0, 8] },
      h: { dtype: "F16", shape: [12], data_offsets: [8, 32] },
      b: { dtype: "BF16", shape: [5], data_offsets: [32, 42] },
    },
    42,
  );
  const view = new DataView(bytes.buffer, bytes.length - 42);
  view.setFloat64(0, Math.PI, true);
  for (const [i, bits] of halves.entries()) view.setUint16(8 + 2 * i, bits, true);
  for (const [i, bits] of brains.entries()) view.setUint16(32 + 2 * i, bits, true);
  const { tensors } = parseSafetensors(bytes, "x");
  expect(tensors.get("h")).toEqual({ dtype: "F32", shape: [12], data: Float32Array.from(wide) });
  expect(Object.is(tensors.get("h")!.data[1], -0)).toBe(true);
  expect(tensors.get("b")!.data).toEqual(Float32Array.of(1, -3, 2 ** -133, Infinity, -0));
  expect(tensors.get("d")!.data).toEqual(Float32Array.of(Math.fround(Math.PI)));
});

const some: [string, HostTensor][] = [
  ["mask", { dtype: "U8", shape: [3], data: Uint8Array.of(1, 0, 1) }],
  ["b", { dtype: "F32", shape: [2, 1], data: Float32Array.of(1.5, -2) }],
  ["labels", { dtype: "I64", shape: [2], data: BigInt64Array.of(-1n, 2n ** 40n) }],
  ["a", { dtype: "F32", shape: [], data: Float32Array.of(7) }],
  ["ids", { dtype: "I32", shape: [1], data: Int32Array.of(-9) }],
  ["ok", { dtype: "BOOL", shape: [2], data: Uint8Array.of(1, 0) }],
  ["none", { dtype: "F32", shape: [0, 4], data: new Float32Array(0) }],
];

test("the layout is fixed, byte by byte, whatever the order of the tensors", () => {
  const bytes = encodeSafetensors(some, [
    ["z", "1"],
    ["format", "pt"],
  ]);
  expect(
    encodeSafetensors([...some].reverse(), [
      ["format", "pt"],
      ["z", "1"],
    ]),
  ).toEqual(bytes);
  const headerLength = Number(new DataView(bytes.buffer).getBigUint64(0, true));
  expect(headerLength % 8).toBe(0);
  expect(new TextDecoder().decode(bytes.subarray(8, 8 + headerLength)).trimEnd()).toBe(
    '{"__metadata__":{"format":"pt","z":"1"},"labels":{"dtype":"I64","shape":[2],"data_offsets":[0,16]},' +
      '"a":{"dtype":"F32","shape":[],"data_offsets":[16,20]},"b":{"dtype":"F32","shape":[2,1],"data_offsets":[20,28]},' +
      '"ids":{"dtype":"I32","shape":[1],"data_offsets":[28,32]},"none":{"dtype":"F32","shape":[0,4],"data_offsets":[32,32]},' +
      '"mask":{"dtype":"U8","shape":[3],"data_offsets":[32,35]},"ok":{"dtype":"BOOL","shape":[2],"data_offsets":[35,37]}}',
  );
  const { tensors, metadata } = parseSafetensors(bytes, "x");
  expect(tensors).toEqual(new Map(some));
  expect(metadata).toEqual(
    new Map([
      ["format", "pt"],
      ["z", "1"],
    ]),
  );
});

test("a Node buffer that lies at an odd offset parses, and the tensors do not share its memory", () => {
  const bytes = encodeSafetensors(some);
  const shifted = Buffer.alloc(bytes.length + 3).subarray(3);
  shifted.set(bytes);
  const { tensors } = parseSafetensors(shifted, "x");
  shifted.fill(0);
  expect(tensors).toEqual(new Map(some));
});

test("encoding refuses data that do not have the length of their shape, and the reserved name", () => {
  const tensor: HostTensor = { dtype: "F32", shape: [3], data: new Float32Array(2) };
  expect(() => encodeSafetensors([["a", tensor]])).toThrow(/"a": expected 3 elements for 3, got 2/);
  expect(() => encodeSafetensors([["__metadata__", { ...tensor, shape: [2] }]])).toThrow(/another name/);
});

test("damaged files are refused or parse to what they say; nothing else is thrown (seed 7)", () => {
  const whole = encodeSafetensors(some, [["format", "pt"]]);
  const random = noise(4 * 6000, 7);
  let refused = 0;
  for (let round = 0; round < 6000; round++) {
    const [kind, high, low, value] = random.subarray(4 * round);
    // Most damage goes to the header, where the structure is.
    const at = (high * 256 + low) % (kind % 4 ? 560 : whole.length);
    let bytes = whole.slice();
    if (kind % 3 === 0) bytes[at] = value;
    else if (kind % 3 === 1) bytes = bytes.slice(0, at);
    else bytes.copyWithin(at, (at * 7 + value) % whole.length, ((at * 7 + value) % whole.length) + 5);
    try {
      for (const { shape, data } of parseSafetensors(bytes, "x").tensors.values()) {
        expect(data.length).toBe(shape.reduce((a, b) => a * b, 1));
      }
    } catch (error) {
      if (!(error instanceof FormatError)) throw error;
      refused++;
    }
  }
  expect(refused).toBeGreaterThan(3000);
});

sharedTest("a real checkpoint parses; writing it again keeps every tensor", () => {
  const { tensors, metadata } = parseSafetensors(readFileSync(sharedPath("data/deit-tiny/model.safetensors")), "x");
  const elements = [...tensors.values()].reduce((sum, { data }) => sum + data.length, 0);
  expect(elements).toBe(5_717_416);
  const again = parseSafetensors(encodeSafetensors(tensors, metadata), "y");
  expect(again.metadata).toEqual(metadata);
  for (const [name, { data }] of tensors)
    expect(Buffer.compare(Buffer.from(data.buffer), Buffer.from(again.tensors.get(name)!.data.buffer))).toBe(0);
});
