import { expect, test } from "vitest";
import type { Image } from "../../src/io/image.js";
import type { Preprocess } from "../../src/io/index.js";
import { fitImage, resize } from "../../src/io/index.js";
import { normalizeTable } from "../../src/io/preprocess.js";
import { noise, sha256 } from "./helpers.js";

/*
 * Reference: Pillow 9.4. `img(w, h, c)` is Image.frombytes of the bytes of `noise`; resized with
 * Image.resize((W, H), BICUBIC or BILINEAR); the numbers are tobytes() or its SHA-256.
 */
const image = (width: number, height: number, channels: 1 | 3): Image => ({
  width,
  height,
  channels,
  data: noise(width * height * channels),
});

test.each([
  [7, 5, 4, 3, "bicubic", [79, 127, 82, 165, 106, 137, 133, 120, 84, 123, 117, 150]],
  [7, 5, 4, 3, "bilinear", [81, 122, 87, 161, 107, 140, 131, 121, 84, 124, 118, 146]],
  [
    4,
    3,
    9,
    7,
    "bicubic",
    [
      62, 67, 80, 96, 106, 120, 148, 177, 190, 52, 59, 75, 96, 115, 135, 155, 173, 181, 28, 39, 62, 93, 137, 174, 176,
      164, 160, 4, 20, 55, 99, 155, 196, 183, 150, 137, 0, 18, 77, 128, 143, 143, 137, 127, 123, 0, 22, 103, 158, 125,
      79, 85, 106, 114, 0, 23, 113, 170, 118, 54, 64, 97, 110,
    ],
  ],
  [
    4,
    3,
    9,
    7,
    "bilinear",
    [
      60, 66, 81, 96, 112, 127, 149, 171, 180, 53, 60, 78, 97, 117, 136, 153, 168, 175, 33, 43, 70, 98, 131, 164, 164,
      160, 158, 12, 26, 62, 100, 146, 192, 176, 151, 142, 9, 28, 79, 124, 132, 140, 135, 130, 127, 5, 30, 95, 149, 119,
      87, 95, 108, 113, 4, 31, 101, 157, 114, 70, 81, 101, 108,
    ],
  ],
] as const)("grey %i x %i to %i x %i, %s: Pillow's bytes", (w, h, W, H, interpolation, expected) => {
  expect([...resize(image(w, h, 1), W, H, interpolation).data]).toEqual(expected);
});

test.each([
  [13, 11, 3, 13, 4, "bicubic", "188faf6e935c10a5aa739853efa4992da585b1aa244c49e5df907e5e54f5f640"],
  [333, 250, 3, 297, 223, "bicubic", "a58f809539404a3b813782852f9307e0be8f2dac0c335e573b838967f4080707"],
  [500, 375, 3, 331, 248, "bicubic", "1e0b9192c3af0ea5bc295916bdef24a16887f8bdc25fa3094eadc9ee565ca1b5"],
  [500, 375, 3, 298, 224, "bilinear", "03b53a5683c98324402dcbb6aae0d4f5425fcbcce137c94e2900935a7323d86a"],
  [64, 48, 3, 301, 225, "bicubic", "161060bf20a6127077d09248e9b50df339a48b653b37e75f1154a9be79d7bfce"],
  [28, 28, 1, 31, 31, "bicubic", "a110fc2a805203879165c07246efab64b53611e0d2d664b4f72ea5b525cc5bd8"],
  [1021, 17, 3, 97, 513, "bicubic", "50ac50382e54e4da261c33f71a23ebcad0f5b37efff47500dc3bfd624e288ea2"],
  [301, 301, 3, 64, 64, "bilinear", "cf3abfeea857bb845ebfd317ae4ca611f5337eeb5c39b6cefc14022635184cf0"],
] as const)("%i x %i x %i to %i x %i, %s: Pillow's bytes by hash", (w, h, c, W, H, interpolation, hash) => {
  expect(sha256(resize(image(w, h, c), W, H, interpolation).data)).toBe(hash);
});

const neutral: Preprocess = { mean: [0], std: [1], cropPct: 1, cropMode: "center", interpolation: "bicubic" };

/*
 * Reference: Pillow with torchvision's arithmetic: shorter side to t = floor(size / crop_pct), longer to
 * int(t * long / short), crop from int(round((side - size) / 2)); for "squash" both sides to t.
 */
test.each([
  [50, 37, 3, 24, 0.9, "center", "bicubic", "a600340046c4a4aeb4988d7bc76582b4cf88734621754bc042ed90b484607f64"],
  [37, 50, 3, 24, 0.875, "center", "bilinear", "8e71439bb5be0fad3bb2680f762b503fcbf3df9a1ee4becec1b8ee8a9d33401a"],
  [61, 24, 3, 24, 1, "center", "bicubic", "daa9892780c82211271708593f8b945b430c39e8ff728ccabc83d214ce92044d"],
  [50, 37, 3, 24, 0.875, "squash", "bilinear", "6a87d7d44951b051c8f995cb3d99dae98a3fe55e2ddf829f52a843153aa3a382"],
  [24, 25, 1, 24, 1, "center", "bicubic", "ab818bc9322414a17f4c6d8be3749485659e0161f5d431b6ca4b6dcbd14c2e6c"],
  [24, 27, 1, 24, 1, "center", "bicubic", "6be35ba5b93e79847d5cbb2a1400735086842925b269b04e3c1e3bec01ef6e08"],
  [500, 375, 3, 224, 0.9, "center", "bicubic", "ba3f36881181274689262ee1e57a79868a1dd48252cdbfc8475d44b4dac2ac9d"],
] as const)("%i x %i x %i fitted to %i at %f, %s, %s", (w, h, c, size, cropPct, cropMode, interpolation, hash) => {
  const fitted = fitImage(image(w, h, c), size, { ...neutral, cropPct, cropMode, interpolation }, "x");
  expect([fitted.width, fitted.height]).toEqual([size, size]);
  expect(sha256(fitted.data)).toBe(hash);
});

test("an image of the target size is not touched", () => {
  const exact = image(24, 24, 3);
  expect(fitImage(exact, 24, neutral, "x").data).toBe(exact.data);
});

test("an absurdly long image is refused before it is resized", () => {
  const line: Image = { width: 1_000_000, height: 1, channels: 1, data: new Uint8Array(1_000_000) };
  expect(() => fitImage(line, 224, neutral, "line.png")).toThrow(/^line\.png: expected at most/);
});

test("normalising rounds to f32 after each step", () => {
  const [red] = normalizeTable({ mean: [0.485], std: [0.229] });
  // numpy: (np.float32(v) / np.float32(255) - np.float32(0.485)) / np.float32(0.229)
  expect([red[0], red[1], red[128], red[255]]).toEqual([
    -2.1179039478302, -2.1007792949676514, 0.07406462728977203, 2.248908281326294,
  ]);
});
