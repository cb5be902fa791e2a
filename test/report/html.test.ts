import { describe, expect, it } from "vitest";
import { renderReport, reportToJson } from "../../src/report/index.js";
import { deitReport, demoReport, HOSTILE, minimalReport, weirdReport } from "./fixtures.js";

const REPORTS = { deit: deitReport, demo: demoReport, minimal: minimalReport, weird: weirdReport };

/** Every tag of the page but those of the style sheet. A `>` in text or attributes is escaped, so this is exact. */
function tagsOf(html: string): string[] {
  return html.replace(/<style>[^<]*<\/style>/, "").match(/<[^>]*>/g) ?? [];
}

function textOf(html: string): string {
  return html.replace(/<style>[^<]*<\/style>/, "").replace(/<[^>]*>/g, " ");
}

describe.each(Object.entries(REPORTS))("the page of the %s report", (_, report) => {
  const html = renderReport(report());

  it("is well-formed: every element closes in order, attributes are quoted", () => {
    const open: string[] = [];
    for (const tag of tagsOf(html).slice(1)) {
      const parsed = /^<(\/?)([a-z][a-zA-Z0-9]*)((?: [a-zA-Z][a-zA-Z0-9-]*(?:="[^"<]*")?)*)(\/?)>$/.exec(tag);
      expect(parsed, tag).not.toBeNull();
      const [, closing, name, , selfClosing] = parsed!;
      if (closing) expect(open.pop()).toBe(name);
      else if (!selfClosing && name !== "meta") open.push(name);
    }
    expect(open).toEqual([]);
  });

  it("has unique ids, and refers to none that is missing", () => {
    const ids = [...html.matchAll(/ id="([^"]*)"/g)].map(([, id]) => id);
    expect(new Set(ids).size).toBe(ids.length);
    const references = [...html.matchAll(/ aria-labelledby="([^"]*)"/g)].flatMap(([, list]) => list.split(" "));
    expect(references.filter((id) => !ids.includes(id))).toEqual([]);
  });

  it("loads nothing and runs nothing", () => {
    expect(
      tagsOf(html).filter((tag) => /<(script|link|img|iframe|object|embed|image|use|a|base)\b/i.test(tag)),
    ).toEqual([]);
    expect(
      tagsOf(html).filter((tag) => /\s(on\w+|src|href|style|srcset)=/i.test(tag.replace(/="[^"]*"/g, "="))),
    ).toEqual([]);
    expect(/<style>([^<]*)<\/style>/.exec(html)![1]).not.toMatch(/url\(|@import|http/);
  });

  it("prints no number that is none", () => {
    expect(textOf(html)).not.toMatch(/NaN|Infinity|undefined|null|\[object/);
    expect(tagsOf(html).join("")).not.toMatch(/="[^"]*(NaN|Infinity|undefined)/);
  });

  it("is the same twice, and the same from report.json", () => {
    expect(renderReport(report())).toBe(html);
    expect(renderReport(JSON.parse(reportToJson(report())))).toBe(html);
  });
});

it("shows hostile names as text", () => {
  const html = renderReport(weirdReport());
  const tags = tagsOf(html).map((tag) => tag.replace(/="[^"]*"/g, ""));
  expect(tags.join("")).not.toMatch(/alert|script|onload|onerror|display/);
  expect(html.match(/<\/style>/g)).toHaveLength(1);
  expect(html).not.toMatch(/[\u202A-\u202E\u2066-\u2069\u200B\0]/);
  expect(html).toContain("&quot;&gt;&lt;script&gt;alert(1)&lt;/script&gt;");
  expect(textOf(html)).toContain("evil[U+202E]gnp.exe[U+2066][U+200B][U+0000][U+000A][U+D800]");
  expect(HOSTILE.filter((name) => /[<>"'&]/.test(name) && html.includes(name))).toEqual([]);
});

describe("one run", () => {
  const html = renderReport(deitReport());

  it("opens with the result", () => {
    const claim = "taylor-squared removes 50% of the prunable weights of deit-tiny";
    expect(html).toContain(`<title>${claim}: 65.50% top-1, 66.50% dense</title>`);
  });

  it("opens with the part that went where it is another than the one asked for", () => {
    const report = deitReport();
    const [run] = report.runs;
    const removing = (part: number) => {
      const rounds = [{ ...run.rounds[0], kept: Math.round((1 - part) * 10_000), total: 10_000 }];
      return renderReport({ ...report, runs: [{ ...run, rounds }] });
    };
    expect(removing(0.504)).toContain("<title>taylor-squared removes 50% of");
    expect(removing(0.7125)).toContain("<title>taylor-squared removes 71.25% of");
  });

  it("opens with units where rounds count those", () => {
    const report = deitReport();
    const units = renderReport({ ...report, settings: { ...report.settings, granularity: "head and neuron" } });
    expect(units).toContain("<title>taylor-squared removes 50% of the prunable units of deit-tiny:");
  });

  it("tells accuracy and cost against dense", () => {
    expect(html).toContain("65.50%<small>−1.00</small>");
    expect(html).toMatch(/3,\d{3},\d{3}<small>53\.\d%<\/small>/);
  });

  it("draws a bar and a row for each of the 48 layers, in a wide and a narrow picture", () => {
    expect(html.match(/<title>blocks\.\d+\.[a-z0-9.]+\.weight: /g)).toHaveLength(2 * 48);
    expect(html.match(/<th scope="row">blocks\./g)).toHaveLength(48);
  });

  it("draws the threshold in each histogram, and no accuracy over sparsity", () => {
    expect(html.match(/<line class="threshold" x1/g)).toHaveLength(2 + 4);
    expect(html).not.toContain("Accuracy over sparsity");
  });

  it("gives the command as a shell reads it", () => {
    expect(textOf(html).replace(/\s+/g, " ")).toContain("prune &#39;models/deit tiny&#39; --method");
  });
});

describe("nine runs", () => {
  const html = renderReport(demoReport());

  it("names the best run at the highest sparsity", () => {
    expect(html).toContain(
      "<title>taylor removes 90% of the prunable weights of vit-digits: 96.55% top-1 after finetuning",
    );
  });

  it("draws a line a method, a marker a run and a hollow one where finetuned", () => {
    const chart = /<svg class="wide"[^>]*accuracy-chart-wide.*?<\/svg>/s.exec(html)![0];
    expect(chart.match(/<path class="curve"/g)).toHaveLength(3);
    expect(chart.match(/<path class="point"/g)).toHaveLength(9);
    expect(chart.match(/<path class="point hollow"/g)).toHaveLength(1);
    expect(chart.match(/class="reference"/g)).toHaveLength(1);
  });

  it("folds the runs but the one of the headline", () => {
    expect(html.match(/<details class="run">/g)).toHaveLength(8);
    expect(html).toMatch(/<details class="run" open><summary>taylor at 90%/);
  });
});

it("says so when a run recorded nothing", () => {
  const html = renderReport({ ...minimalReport(), runs: [] });
  expect(html).toContain("mlp has 1,000 parameters, none pruned");
  expect(renderReport(minimalReport())).toContain("Nothing was recorded of this run");
});
