import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { type Codec, createImageDecoder, type ImageDecoder } from "../decode.js";

/** Where each decoder's WebAssembly lies in its package; the build copies these files to `dist/codecs/`. */
const packagePaths: Record<Codec, string> = {
  jpeg: "@jsquash/jpeg/codec/dec/mozjpeg_dec.wasm",
  png: "@jsquash/png/codec/pkg/squoosh_png_bg.wasm",
};

/** The one place that knows where the binaries are: beside the bundle, or in the package when run from source. */
function codecPath(codec: Codec): string {
  const name = packagePaths[codec].split("/").at(-1);
  const bundled = fileURLToPath(new URL(`./codecs/${name}`, import.meta.url));
  return existsSync(bundled) ? bundled : createRequire(import.meta.url).resolve(packagePaths[codec]);
}

/** Decodes JPEG and PNG with the WebAssembly that ships with this package. */
export const decodeImage: ImageDecoder = createImageDecoder((codec) => readFile(codecPath(codec)));
