import { headline } from "./labels.js";
import { type Markup, markup } from "./markup.js";
import { renderPage } from "./page.js";
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
  return renderPage({
    kind: "Secateur report",
    headline: claim,
    outcome,
    style: STYLE,
    body: markup`${warningList(report.warnings)}${resultsTable(report)}${footprintTable(report)}${depthsTable(report)}${accuracyChart(report)}${runSections(report.runs)}${detailsSection(report)}`,
    footer: `Made by secateur ${report.versions.secateur}`,
  });
}

function warningList(warnings: readonly string[]): Markup | null {
  if (warnings.length === 0) return null;
  return markup`<aside class="warnings" aria-label="Warnings"><h2>${warnings.length === 1 ? "A warning" : `${warnings.length} warnings`}</h2><ul>${warnings.map(
    (warning) => markup`<li>${warning}</li>`,
  )}</ul></aside>
`;
}
