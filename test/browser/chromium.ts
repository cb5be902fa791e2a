/** The headless Chromium of the npm package `@sparticuz/chromium`, for machines without a browser. */
import { join } from "node:path";
import { unpackFromChromium } from "../../src/gpu/chromium-package.node.js";

const ARCHIVES = ["chromium.br", "swiftshader.tar.br", "al2023.tar.br"];

const WEBGPU_ON_SWIFTSHADER = ["--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader"];

/** The package's browser has no setuid helper, and containers often allow no user namespaces. */
const NO_SANDBOX = ["--no-sandbox", "--no-zygote"];

/** How to launch it, in Playwright's words, or undefined where the package has no browser for this system. */
export function embeddedChromium() {
  const unpacked = unpackFromChromium("chromium", ARCHIVES);
  return (
    unpacked && {
      executablePath: join(unpacked.folder, "chromium"),
      args: [...WEBGPU_ON_SWIFTSHADER, ...NO_SANDBOX],
      // Of the libraries in this folder a bare system has none: NSS, NSPR, expat.
      env: { ...process.env, LD_LIBRARY_PATH: join(unpacked.folder, "lib") },
    }
  );
}
