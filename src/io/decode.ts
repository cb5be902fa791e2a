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

type Decode = (bytes: ArrayBuffer) => Promise<Pixels>;

/**
 * Makes a decoder that compiles its codecs, each when its first image comes.
 *
 * @param load - gets the bytes of a codec's WebAssembly
 */
export function createImageDecoder(load: (codec: Codec) => Promise<BufferSource>): ImageDecoder {
  const ready: Partial<Record<Codec, Promise<Decode>>> = {};
  return async (bytes, channels, source) => {
    const codec = imageKind(bytes, source);
    const decode = await (ready[codec] ??= instantiate[codec](() => load(codec)));
    let pixels: Pixels;
    try {
      pixels = await decode(new Uint8Array(bytes).buffer);
    } catch {
      // mozjpeg exits on an error, after which its instance is of no use.
      delete ready[codec];
      throw new FormatError(`${source}: expected an image, got data that do not decode; fetch the file again`);
    }
    return fromRgba(pixels.data, pixels.width, pixels.height, channels);
  };
}

const instantiate: Record<Codec, (load: () => Promise<BufferSource>) => Promise<Decode>> = {
  async jpeg(load) {
    const { default: decode, init } = await import("@jsquash/jpeg/decode.js");
    const module = await WebAssembly.compile(await load());
    await init({
      instantiateWasm(imports: WebAssembly.Imports, done: (instance: WebAssembly.Instance) => void) {
        const instance = new WebAssembly.Instance(module, imports);
        done(instance);
        return instance.exports;
      },
      // libjpeg's warnings; what matters of them is checked before.
      printErr: () => {},
    });
    return (bytes) => decode(bytes);
  },
  async png(load) {
    const { decode, init } = await import("@jsquash/png/decode.js");
    await init(await WebAssembly.compile(await load()));
    return (bytes) => decode(bytes);
  },
};
