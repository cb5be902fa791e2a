/** SwiftShader and a Vulkan loader, for machines without GPU and without root. */
import { join } from "node:path";
import { unpackFromChromium } from "./chromium-package.node.js";

export interface SwiftShaderFiles {
  readonly loader: string;
  readonly icd: string;
  readonly version: string;
}

/** Paths of the unpacked driver, or undefined when the package is not installed. */
export function swiftShaderFiles(): SwiftShaderFiles | undefined {
  const unpacked = unpackFromChromium("swiftshader", ["swiftshader.tar.br"]);
  return (
    unpacked && {
      loader: join(unpacked.folder, "libvulkan.so.1"),
      icd: join(unpacked.folder, "vk_swiftshader_icd.json"),
      version: unpacked.version,
    }
  );
}
