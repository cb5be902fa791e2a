import type { Report } from "./types.js";

/** The text of `report.json`. Numbers that JSON cannot hold (NaN, infinities) become `null`. */
export function reportToJson(report: Report): string {
  return `${JSON.stringify(report, null, 2)}\n`;
}
