/** Reads every import of src/ and holds it against the rule that rooms import one way, and that only marked files know Node. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import ts from "typescript";
import { describe, expect, test } from "vitest";

const src = resolve(import.meta.dirname, "../src");

const library = ["gpu", "kernels", "tensor", "nn", "train", "prune", "io", "report"];

/** What each room may import beside itself and errors.ts. The files of src/ itself are the room "surface". */
const rooms: Record<string, readonly string[]> = {
  gpu: [],
  kernels: ["gpu"],
  tensor: ["gpu", "kernels"],
  io: [],
  nn: ["gpu", "kernels", "tensor", "io"],
  train: ["gpu", "kernels", "tensor", "nn", "io"],
  prune: ["gpu", "kernels", "tensor", "nn", "train", "io"],
  report: [],
  surface: library,
  cli: [...library, "bench"],
  web: library,
};

interface Import {
  readonly from: string;
  readonly specifier: string;
}

const roomOf = (file: string): string => /^(?:\.\.\/)*([^/]+)\//.exec(file)?.[1] ?? "surface";

/** Files that only Node can load. */
const knowsNode = (file: string): boolean => /\.node\.ts$|^io\/node\/|^cli\//.test(file);

/** The imported file, relative to src/, or undefined for a package. */
const target = ({ from, specifier }: Import): string | undefined =>
  specifier.startsWith(".") ? join(dirname(from), specifier).replace(/\.js$/, ".ts") : undefined;

const files = readdirSync(src, { recursive: true, encoding: "utf8" }).filter((file) => file.endsWith(".ts"));

const imports: Import[] = files.flatMap((from) =>
  ts
    .preProcessFile(readFileSync(join(src, from), "utf8"))
    .importedFiles.map(({ fileName }) => ({ from, specifier: fileName })),
);

const violations = (broken: (statement: Import) => boolean): string[] =>
  imports.filter(broken).map(({ from, specifier }) => `${from}: "${specifier}"`);

describe("imports", () => {
  test("are found", () => {
    expect(imports.length).toBeGreaterThan(files.length);
  });

  test("name an existing file by its path with .js", () => {
    const wrong = violations((statement) => {
      const file = target(statement);
      return file !== undefined && !(statement.specifier.endsWith(".js") && existsSync(join(src, file)));
    });
    expect(wrong).toEqual([]);
  });

  test("go one way between the rooms", () => {
    const wrong = violations((statement) => {
      const file = target(statement);
      if (file === undefined || file === "errors.ts") return false;
      const own = roomOf(statement.from);
      return statement.from === "errors.ts" || (roomOf(file) !== own && !rooms[own]?.includes(roomOf(file)));
    });
    expect(wrong).toEqual([]);
  });

  test("of Node and Dawn are only in *.node.ts, io/node and cli, which no other file imports", () => {
    const wrong = violations((statement) => {
      if (knowsNode(statement.from)) return false;
      const file = target(statement);
      return file ? knowsNode(file) : /^node:|^webgpu$/.test(statement.specifier);
    });
    expect(wrong).toEqual([]);
  });
});

test("every folder of src/ is a room", () => {
  const folders = new Set(files.map(roomOf));
  expect([...folders].filter((folder) => !(folder in rooms))).toEqual([]);
});
