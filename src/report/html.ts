import { headline } from "./labels.js";
import { Markup, markup, unbroken } from "./markup.js";
import { accuracyChart } from "./sections/accuracy.js";
import { depthsTable } from "./sections/depths.js";
import { detailsSection } from "./sections/details.js";
import { footprintTable } from "./sections/footprint.js";
import { resultsTable } from "./sections/results.js";
import { runSections } from "./sections/run.js";
import { STYLE } from "./style.js";
import type { Report } from "./types.js";

/**
 * The text of `report.html`: one file without scripts that loads nothing. Names and metadata may hold anything; they
 * are escaped. Absent numbers print as a dash. Equal reports give equal bytes.
 */
export function renderReport(report: Report): string {
  const { claim, outcome } = headline(report);
  return markup`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${claim}${outcome !== null && `: ${outcome}`}</title>
<style>${Markup.trusted(STYLE)}</style>
</head>
<body>
<main>
<header><p class="eyebrow">Secateur report</p><h1>${unbroken(claim)}${outcome !== null && markup`<span class="outcome">${unbroken(outcome)}</span>`}</h1></header>
${warningList(report.warnings)}${resultsTable(report)}${footprintTable(report)}${depthsTable(report)}${accuracyChart(report)}${runSections(report.runs)}${detailsSection(report)}</main>
<footer>Made by secateur ${report.versions.secateur}</footer>
</body>
</html>
`.toString();
}

function warningList(warnings: readonly string[]): Markup | null {
  if (warnings.length === 0) return null;
  return markup`<aside class="warnings" aria-label="Warnings"><h2>${warnings.length === 1 ? "A warning" : `${warnings.length} warnings`}</h2><ul>${warnings.map(
    (warning) => markup`<li>${warning}</li>`,
  )}</ul></aside>
`;
}
