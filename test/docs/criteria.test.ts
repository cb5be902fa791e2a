/** The pages of the shipped criteria and of methods that train: there, complete, and saying what the code says. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { describe, expect, test } from "vitest";
import { CRITERIA, METHODS } from "../../src/prune/index.js";

const root = resolve(import.meta.dirname, "../..");
const pages = join(root, "docs/criteria");

/** The files of a folder that define something which has a page. */
const definitions = (folder: string) =>
  readdirSync(join(root, folder))
    .map((file) => ({ page: `${basename(file, ".ts")}.md`, text: readFileSync(join(root, folder, file), "utf8") }))
    .filter(({ text }) => /^ {2}name: "/m.test(text));

const files = [...definitions("src/prune/criteria"), ...definitions("src/prune/methods")];

const withoutImports = (text: string): string => text.replace(/^(?:import .*\n)+\n*/, "");

const textOf = (page: string): string => readFileSync(join(pages, page), "utf8");

describe.each([...METHODS.values()])("$name", ({ name, formula }) => {
  const home = files.filter(({ text }) => text.includes(`name: "${name}"`));

  test("has a page with its formula", () => {
    expect(home).toHaveLength(1);
    const formulas = [...textOf(home[0].page).matchAll(/^([\w-]+) {2,}(.*)$/gm)].map(
      ([, method, written]) => `${method}: ${written}`,
    );
    expect(formulas).toContain(`${name}: ${formula}`);
  });

  test("stands in the table", () => {
    const row = `| [${name}](${home[0].page}) | \`${formula.replaceAll("|", "\\|")}\` |`;
    expect(textOf("README.md")).toContain(row);
  });
});

describe.each([...CRITERIA.values()])("$name", ({ name, formula, needs }) => {
  test("has a page with its sources and its figure", () => {
    const [{ page }] = files.filter(({ text }) => text.includes(`name: "${name}"`));
    const text = textOf(page);
    for (const source of needs) expect(text).toContain(`\`${source}\``);
    expect(text).toContain(`](${name}.svg)`);
  });

  test("has a figure that bears its formula", () => {
    const svg = readFileSync(join(pages, `${name}.svg`), "utf8");
    const title = /<title id="title">([^<]*)<\/title>/.exec(svg)![1];
    const plain = title.replaceAll("&gt;", ">").replaceAll("&lt;", "<").replaceAll("&amp;", "&");
    expect(plain).toBe(`${name}: ${formula}`);
  });
});

test.each(files)("$page shows the code as it is", ({ page, text }) => {
  const [, source, code] = /<!-- (\S+) -->\n```ts\n([\s\S]*?)```\n/.exec(textOf(page))!;
  expect(existsSync(join(root, source))).toBe(true);
  expect(code).toBe(withoutImports(text));
});

test("no page or figure is left of a criterion that is gone", () => {
  const known = [...[...CRITERIA.keys()].map((name) => `${name}.svg`), ...files.map(({ page }) => page), "README.md"];
  expect(readdirSync(pages).filter((file) => !known.includes(file))).toEqual([]);
});
