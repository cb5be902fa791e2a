import { describe, expect, test } from "vitest";
import { FormatError } from "../../src/errors.js";
import { decodeImage } from "../../src/io/node/index.js";
import { noise, sha256 } from "./helpers.js";
import { cmykJpeg, deepPng, imageFiles } from "./image-files.js";

const bytesOf = (base64: string): Uint8Array => Buffer.from(base64, "base64");

describe.each(Object.entries(imageFiles))("%s", (name, { base64, rgb, grey }) => {
  test("decodes to Pillow's RGB", async () => {
    const image = await decodeImage(bytesOf(base64), 3, name);
    expect([image.width, image.height, image.channels]).toEqual([16, 11, 3]);
    expect(sha256(image.data)).toBe(rgb);
  });
  test("decodes to Pillow's grey", async () => {
    expect(sha256((await decodeImage(bytesOf(base64), 1, name)).data)).toBe(grey);
  });
  test("is refused wherever it is cut", async () => {
    const bytes = bytesOf(base64);
    for (let length = bytes.length - 1; length >= 0; length -= 7) {
      const cut = decodeImage(bytes.subarray(0, length), 3, name);
      await expect(cut).rejects.toThrow(FormatError);
      await expect(cut).rejects.toThrow(new RegExp(`^${name}: expected`));
    }
    expect((await decodeImage(bytes, 3, name)).width).toBe(16);
  });
});

test("of 16 bits the upper 8 are kept", async () => {
  expect(sha256((await decodeImage(bytesOf(deepPng.base64), 1, "deep.png")).data)).toBe(deepPng.grey);
});

test("what is no image, CMYK or of an absurd size is refused", async () => {
  await expect(decodeImage(new TextEncoder().encode("GIF89a..."), 3, "a.jpg")).rejects.toThrow(
    /expected a JPEG or PNG/,
  );
  await expect(decodeImage(new Uint8Array(0), 3, "a.jpg")).rejects.toThrow(/expected a JPEG or PNG/);
  await expect(decodeImage(bytesOf(cmykJpeg), 3, "a.jpg")).rejects.toThrow(/JPEG of 4 components/);
  const bomb = Uint8Array.from(bytesOf(imageFiles["baseline.jpg"].base64));
  const frame = bomb.findIndex((byte, at) => byte === 0xff && bomb[at + 1] === 0xc0);
  bomb.fill(0xfe, frame + 5, frame + 9);
  await expect(decodeImage(bomb, 3, "a.jpg")).rejects.toThrow(/expected 1 to 100000000 pixels, got 65278 x 65278/);
});

test("damaged images decode or are refused; nothing else is thrown (seed 3)", async () => {
  const random = noise(3 * 100 * 9, 3);
  let at = 0;
  for (const { base64 } of Object.values(imageFiles)) {
    for (let round = 0; round < 100; round++, at += 3) {
      const bytes = Uint8Array.from(bytesOf(base64));
      bytes[(random[at] * 256 + random[at + 1]) % bytes.length] = random[at + 2];
      await decodeImage(bytes, 3, "x").catch((error) => expect(error).toBeInstanceOf(FormatError));
    }
  }
  expect((await decodeImage(bytesOf(imageFiles["rgb.png"].base64), 3, "x")).width).toBe(16);
  expect((await decodeImage(bytesOf(imageFiles["baseline.jpg"].base64), 3, "x")).width).toBe(16);
});
