import { publicEntries } from "./scripts/entries.mjs";

/** @type {Partial<import("typedoc").TypeDocOptions>} */
export default {
  name: "Secateur",
  entryPoints: Object.values(publicEntries),
  out: "docs/api",
  tsconfig: "tsconfig.build.json",
  excludeInternal: true,
  excludePrivate: true,
  includeVersion: true,
  // Links to sources would need the remote of whoever builds the pages.
  disableSources: true,
  validation: { invalidLink: true, invalidPath: true, notDocumented: true, notExported: true, rewrittenLink: true },
  // Names like `width` and `[Symbol.dispose]` say enough; what stands alone must be explained.
  requiredToBeDocumented: ["Class", "Interface", "TypeAlias", "Variable"],
  treatWarningsAsErrors: true,
};
