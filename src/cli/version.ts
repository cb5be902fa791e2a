/** Versions of this package and of what it computes on. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import type { Versions } from "../report/types.js";

const require = createRequire(import.meta.url);

function packageVersion(name: string): string | null {
  try {
    return JSON.parse(readFileSync(require.resolve(`${name}/package.json`), "utf8")).version;
  } catch {
    return null;
  }
}

/** The package's own file lies one folder up from `dist/`, and two from here. */
function ownVersion(): string {
  for (const path of ["../package.json", "../../package.json"]) {
    try {
      const { name, version } = JSON.parse(readFileSync(new URL(path, import.meta.url), "utf8"));
      if (name === "secateur") return version;
    } catch {}
  }
  return "unknown";
}

export const versions = (): Versions => ({
  secateur: ownVersion(),
  node: process.versions.node,
  dawn: packageVersion("webgpu"),
});
