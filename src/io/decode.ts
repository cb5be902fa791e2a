import { FormatError } from "../errors.js";
import { fromRgba, type Image } from "./image.js";
import { imageKind } from "./image-header.js";

/** The decoders, each a WebAssembly binary: mozjpeg, which has libjpeg-turbo's arithmetic, and the `png` crate. */
export type Codec = "jpeg" | "png";

/**
 * Decodes a JPEG or PNG file to RGB or grey. EXIF orientation is ignored, as torchvision does; of 16-bit samples the
 * upper byte is kept.
 *
 * @throws FormatError naming `source` for anything that is not a whole image.
 */
export type ImageDecoder = (bytes: Uint8Array, channels: 1 | 3, source: string) => Promise<Image>;

interface Pixels {
  readonly data: ArrayLike<number>;
  readonly width: number;
  readonly height: number;
}

/**
 * Compiles the decoders, each when its first image comes.
 *
 * @param load - gets the bytes of a decoder's WebAssembly
 */
export function createImageDecoder(load: (codec: Codec) => Promise<BufferSource>): ImageDecoder {
  const codecs = {
    jpeg: once(async () => {
      const [{ default: decode, init }, binary] = await Promise.all([import("@jsquash/jpeg/decode.js"), load("jpeg")]);
      const module = await WebAssembly.compile(binary);
      await init({
        instantiateWasm(imports: WebAssembly.Imports, done: (instance: WebAssembly.Instance) => void) {
          const instance = new WebAssembly.Instance(module, imports);
          done(instance);
          return instance.exports;
        },
        // libjpeg's warnings; what matters of them is checked before.
        printErr: () => {},
      });
      return (bytes: ArrayBuffer): Promise<Pixels> => decode(bytes);
    }),
    png: once(async () => {
      const [{ decode, init }, binary] = await Promise.all([import("@jsquash/png/decode.js"), load("png")]);
      await init(await WebAssembly.compile(binary));
      return (bytes: ArrayBuffer): Promise<Pixels> => decode(bytes);
    }),
  };
  return async (bytes, channels, source) => {
    const decode = await codecs[imageKind(bytes, source)]();
    let pixels: Pixels;
    try {
      pixels = await decode(new Uint8Array(bytes).buffer);
    } catch {
      throw new FormatError(`${source}: expected an image, got data that do not decode; fetch the file again`);
    }
    return fromRgba(pixels.data, pixels.width, pixels.height, channels);
  };
}

function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => (made ??= make());
}
