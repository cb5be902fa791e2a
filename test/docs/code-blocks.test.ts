/**
 * Type-checks the TypeScript in README.md and docs/ against the sources, as a program that imports the package would see them, and looks up excerpts of
 * examples/, which tests run, in their files.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import ts from "typescript";
import { expect, test } from "vitest";

const root = resolve(import.meta.dirname, "../..");

/** Names that a block may call the reader's, as in "// device and inputBuffer are yours", and no others. */
const READERS: Readonly<Record<string, string>> = {
  device: "GPUDevice",
  inputBuffer: "GPUBuffer",
  outputBuffer: "GPUBuffer",
  gpu: 'import("secateur").Gpu',
  model: 'import("secateur").Model',
  student: 'import("secateur").Model',
  teacher: 'import("secateur").Model',
  calibration: 'import("secateur/io").Dataset',
  training: 'import("secateur/io").Dataset',
  test: 'import("secateur/io").Dataset',
  gates: 'readonly import("secateur/prune").UPopGates[]',
  loss: '(step: number) => import("secateur").Tensor',
  otherShard: "Uint8Array",
  saved: "Uint8Array | undefined",
};

interface Block {
  readonly place: string;
  readonly file: string;
  readonly code: string;
}

const pages = [
  "README.md",
  "CONTRIBUTING.md",
  ...["docs", "docs/criteria", "docs/methods"].flatMap((folder) =>
    readdirSync(join(root, folder))
      .filter((name) => name.endsWith(".md"))
      .map((name) => join(folder, name)),
  ),
];

const read = (page: string): string => readFileSync(join(root, page), "utf8");

/** Fenced blocks marked ts, but for excerpts of sources, which bear the source's path in a comment above. */
function blocksOf(page: string): Block[] {
  const text = read(page);
  return [...text.matchAll(/^(<!-- src\/.* -->\n)?```ts\n([\s\S]*?)^```$/gm)].flatMap(
    ({ index, 1: source, 2: code }) => {
      if (source) return [];
      const line = text.slice(0, index).split("\n").length;
      return [{ place: `${page} line ${line}`, file: join(root, `${page}.${line}.ts`), code }];
    },
  );
}

/** Declares what the block calls the reader's. */
function declarations(code: string): string {
  const [, list = ""] = /^\/\/ (.+?) (?:is|are) yours\b/m.exec(code) ?? [];
  const known = list.split(/, | and /).filter((name) => Object.hasOwn(READERS, name));
  return known.map((name) => `declare const ${name}: ${READERS[name]};`).join(" ");
}

/** What `package.json` exports, as paths to the sources. */
function packagePaths(): Record<string, string[]> {
  const { exports } = JSON.parse(read("package.json")) as { exports: Record<string, { types: string }> };
  const entries = Object.entries(exports).map(([subpath, { types }]) => [
    join("secateur", subpath),
    [types.replace(/^\.\/dist\/types\//, "./src/").replace(/\.d\.ts$/, ".ts")],
  ]);
  return Object.fromEntries(entries);
}

const blocks = pages.flatMap(blocksOf);

const program = (() => {
  const config = ts.readConfigFile(join(root, "tsconfig.json"), ts.sys.readFile).config;
  const { options } = ts.convertCompilerOptionsFromJson(config.compilerOptions, root);
  options.paths = { ...options.paths, ...packagePaths() };
  options.noUnusedLocals = false;
  const host = ts.createCompilerHost(options);
  // On the first line, so that errors keep the lines of the block.
  const texts = new Map(blocks.map(({ file, code }) => [file, `export {}; ${declarations(code)} ${code}`]));
  const { readFile, fileExists } = host;
  host.readFile = (file) => texts.get(file) ?? readFile(file);
  host.fileExists = (file) => texts.has(file) || fileExists(file);
  host.getSourceFile = (file, version) => {
    const text = host.readFile(file);
    return text === undefined ? undefined : ts.createSourceFile(file, text, version);
  };
  return ts.createProgram([...texts.keys()], options, host);
})();

test("there are blocks in README.md and in docs/", () => {
  for (const page of ["README.md", "docs/saliency.md"]) {
    expect(blocks.filter(({ place }) => place.startsWith(page)).length, page).toBeGreaterThan(1);
  }
});

test.each(blocks)("the code at $place compiles", ({ file }) => {
  const source = program.getSourceFile(file)!;
  const faults = [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)];
  const messages = faults.map(({ start = 0, messageText }) => {
    const { line } = source.getLineAndCharacterOfPosition(start);
    return `line ${line + 1}: ${ts.flattenDiagnosticMessageText(messageText, "\n")}`;
  });
  expect(messages).toEqual([]);
});

/** Fenced blocks marked js: excerpts of programs, each of which is named in a comment above. */
const excerpts = pages.flatMap((page) =>
  Array.from(read(page).matchAll(/^(?:<!-- (\S+) -->\n)?```js\n([\s\S]*?)^```$/gm), ([, source, code]) => ({
    ...{ page, source, code },
    line: code.split("\n", 1)[0],
  })),
);

test.each(excerpts)("$page shows $source as it is from `$line` on", ({ source, code }) => {
  expect(source).toMatch(/^examples\//);
  expect(`\n${read(source)}`).toContain(`\n${code}`);
});

test.each(pages)("the links of %s lead to files", (page) => {
  const targets = [...read(page).matchAll(/\]\(([^)#\s]+)(?:#[^)]*)?\)/g)].map(([, target]) => target);
  const local = targets.filter((target) => !/^https?:/.test(target));
  expect(local.filter((target) => !existsSync(join(root, dirname(page), target)))).toEqual([]);
});
