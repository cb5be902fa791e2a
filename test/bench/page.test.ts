import { expect, test } from "vitest";
import { renderBench } from "../../bench/page.js";
import { measurement, result } from "./fixtures.js";

const count = (text: string, pattern: RegExp): number => text.match(pattern)?.length ?? 0;

const softmax = measurement({ name: "softmax", family: "rows", flops: 1e6, bytes: 4e6, gflops: 0.5, percent: 13 });
const step = measurement({ name: "step: ViT: forward", family: "step", bytes: null, gigabytesPerSecond: null });

test("draws a point for each kernel that has FLOPs and bytes, in both sizes of the picture", () => {
  const unplaced = measurement({ name: "fill", family: "elementwise", flops: null, gflops: null });
  const page = renderBench(result({ rows: [measurement(), softmax, unplaced, step] }));
  expect(count(page, /class="mark series-0"/g)).toBe(2);
  expect(count(page, /class="mark /g)).toBe(4);
  expect(page).toContain("matmul 8x8x8: 10 GFLOP/s, 10%");
  expect(page).toContain("15 GB/s");
});

test("a point lies where its logarithms are, under the roof", () => {
  const onRidge = measurement({ flops: 1e9, bytes: 1.5e8, gflops: 100 });
  const page = renderBench(result({ rows: [onRidge] }));
  const [, corner] = /class="roof" d="M[^L]+L([\d. ]+)L/.exec(page)!;
  expect(page).toContain(`transform="translate(${corner})"`);
});

test("labels of the roof keep away from points", () => {
  const points = [16, 18].map((intensity) => measurement({ flops: 1e7 * intensity, bytes: 1e7, gflops: 110 }));
  const [wide] = /<svg class="wide"[\s\S]*?<\/svg>/.exec(renderBench(result({ rows: points })))!;
  const places = (pattern: RegExp) => [...wide.matchAll(pattern)].map(([, x, y]) => [Number(x), Number(y)]);
  const labels = places(/text-anchor="middle" transform="translate\(([\d.]+) ([\d.]+)\)/g);
  const marks = places(/class="point" d="[^"]*" transform="translate\(([\d.]+) ([\d.]+)\)/g);
  expect([labels.length, marks.length]).toEqual([2, 2]);
  for (const [x, y] of labels) {
    expect(Math.min(...marks.map(([px, py]) => Math.hypot(px - x, py - y)))).toBeGreaterThanOrEqual(60);
  }
});

test("has every row in a table, and steps without their prefix", () => {
  const page = renderBench(result({ rows: [measurement(), softmax, step] }));
  expect(count(page, /<tbody>/g)).toBe(3);
  expect(page).toContain('<th scope="row">ViT: forward</th>');
  expect(page).toContain(">Whole steps</h2>".toLowerCase());
});

test("shows all rows of a table, however many there are", () => {
  const rows = Array.from({ length: 40 }, (_, index) => measurement({ name: `matmul ${index}` }));
  const page = renderBench(result({ rows }));
  expect(count(page, /<th scope="row">/g)).toBe(40);
  expect(count(page, /max-height: none/g)).toBe(2); // in print, as in reports, and on screens
});

test("says what is missing", () => {
  const omitted = [{ name: "large", reason: "a buffer of 155 MiB", failed: false }];
  const page = renderBench(result({ complete: false, rows: [step], omitted }));
  expect(page).toContain("interrupted or still runs: 1 row is here");
  expect(page).toContain("<summary>1 row was left out");
  expect(page).toContain("<li>large: a buffer of 155 MiB</li>");
  expect(page).not.toContain("<svg class");
});

test("escapes what it did not write, has no scripts, and is the same each time", () => {
  const evil = "<script>alert(1)</script>";
  const made = () =>
    renderBench(
      result({ adapter: { ...result().adapter, description: evil }, rows: [measurement({ name: evil }), softmax] }),
    );
  expect(made()).not.toContain("<script");
  expect(made()).toContain("&lt;script&gt;");
  expect(made()).toBe(made());
});
