/** Series colours follow Okabe and Ito, lightened or darkened to stand off the page. */
const COLOURS = `
:root {
  color-scheme: light dark;
  --page: #fbfbf9; --surface: #ffffff; --ink: #1d2226; --muted: #5c656d; --rule: #dcdfe0; --grid: #e8eaea;
  --accent: #00664a; --warn: #8a4b00; --warn-surface: #fff6e6;
  --kept: #005a92; --pruned: #d07a28;
  --s0: #0072b2; --s1: #d55e00; --s2: #009e73; --s3: #b0568c; --s4: #b58900; --s5: #3f93cb; --s6: #7a5c3e; --s7: #555b61;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #14171a; --surface: #1b1f23; --ink: #e6e8ea; --muted: #a0a9b0; --rule: #343a40; --grid: #2a2f34;
    --accent: #5cc9a3; --warn: #f2bd6b; --warn-surface: #2b2417;
    --kept: #6bb8e8; --pruned: #b9652a;
    --s0: #4fa8dd; --s1: #f0813a; --s2: #2fbf94; --s3: #dc8fbd; --s4: #e3bd3c; --s5: #9bd0f5; --s6: #bf9a76; --s7: #b4bac0;
  }
}
`;

const PICTURES = `
svg text { fill: var(--muted); font: 12px system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; font-variant-numeric: tabular-nums; }
.grid { stroke: var(--grid); }
.base { stroke: var(--muted); }
.reference { stroke: var(--ink); stroke-width: 1.5; stroke-dasharray: 5 4; }
.threshold { stroke: var(--ink); stroke-width: 2; }
.kept-bar { fill: var(--kept); }
.pruned-bar { fill: var(--pruned); }
.curve { fill: none; stroke: currentColor; stroke-width: 2; stroke-linejoin: round; }
.dashed { stroke-dasharray: 2 4; }
.point { fill: currentColor; stroke: var(--surface); stroke-width: 1.5; }
.hollow { fill: var(--surface); stroke: currentColor; stroke-width: 2; }
rect[class^="series-"] { fill: currentColor; }
.series-0 { color: var(--s0); } .series-1 { color: var(--s1); } .series-2 { color: var(--s2); } .series-3 { color: var(--s3); }
.series-4 { color: var(--s4); } .series-5 { color: var(--s5); } .series-6 { color: var(--s6); } .series-7 { color: var(--s7); }
`;

/** For a picture that is a file of its own. */
export const PICTURE_STYLE = `${COLOURS}${PICTURES}
.page { fill: var(--page); }
.heading { fill: var(--ink); font-size: 15px; font-weight: 600; }
.caption { fill: var(--ink); font-weight: 600; }
`;

/** The style sheet of `report.html`. */
export const STYLE = `${COLOURS}${PICTURES}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; text-size-adjust: 100%; }
body {
  margin: 0; background: var(--page); color: var(--ink);
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif;
}
main, footer { max-width: 54rem; margin: 0 auto; padding: 0 1.25rem; }
header { padding: 3rem 0 0.5rem; }
.eyebrow { margin: 0 0 0.5rem; color: var(--accent); font-size: 0.8125rem; font-weight: 600; letter-spacing: 0.06em; text-transform: uppercase; }
h1 { margin: 0; font-size: clamp(1.375rem, 1rem + 1.5vw, 1.875rem); line-height: 1.25; letter-spacing: -0.015em; text-wrap: balance; overflow-wrap: anywhere; }
h2 { margin: 0 0 0.75rem; font-size: 1.25rem; line-height: 1.3; letter-spacing: -0.01em; overflow-wrap: anywhere; }
h3 { margin: 1.75rem 0 0.5rem; font-size: 1rem; }
section { margin: 2.5rem 0 0; }
footer { padding-top: 2rem; padding-bottom: 3rem; color: var(--muted); font-size: 0.8125rem; }
.note { margin: 0.75rem 0 0; color: var(--muted); font-size: 0.8125rem; max-width: 44rem; overflow-wrap: anywhere; }
small { color: var(--muted); font-size: 0.8125rem; font-weight: 400; }

.outcome { display: block; margin-top: 0.375rem; color: var(--accent); font-size: 0.875em; }
.word { white-space: nowrap; }

.scroll { overflow: auto; border: 1px solid var(--rule); border-radius: 8px; background: var(--surface); }
.log { max-height: 32rem; }
table { width: 100%; border-collapse: collapse; font-size: 0.9375rem; font-variant-numeric: tabular-nums; }
th, td { padding: 0.5rem 0.875rem; text-align: left; vertical-align: top; white-space: nowrap; font-weight: 400; }
thead th { position: sticky; top: 0; z-index: 1; background: var(--surface); box-shadow: inset 0 -1px var(--rule); color: var(--muted); font-size: 0.8125rem; }
tbody tr + tr > * { border-top: 1px solid var(--grid); }
tbody th { max-width: 17rem; overflow: hidden; text-overflow: ellipsis; }
th.number, td.number { text-align: right; }
th small, td small { display: block; line-height: 1.3; overflow: hidden; text-overflow: ellipsis; }
.summary tbody th { font-weight: 600; }

figure { margin: 1.25rem 0 0; padding: 1rem 1rem 0.5rem; border: 1px solid var(--rule); border-radius: 8px; background: var(--surface); break-inside: avoid; }
figcaption { font-size: 0.9375rem; font-weight: 600; line-height: 1.35; overflow-wrap: anywhere; }
figure > svg { display: block; width: 100%; height: auto; margin-top: 0.5rem; }
figure > svg.narrow { display: none; }
.legend { display: flex; flex-wrap: wrap; gap: 0.125rem 1rem; margin: 0.375rem 0 0; padding: 0; list-style: none; color: var(--muted); font-size: 0.8125rem; }
.legend li { display: flex; align-items: center; gap: 0.375rem; overflow-wrap: anywhere; }
.legend svg { flex: none; width: 22px; height: 14px; }
.multiples { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 21rem), 1fr)); gap: 1rem; margin-top: 1rem; }
.multiples figure { margin: 0; }

summary { cursor: pointer; overflow-wrap: anywhere; }
summary:focus-visible, .scroll:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
details { margin-top: 0.75rem; font-size: 0.9375rem; }
details > .scroll, details > .cards { margin-top: 0.75rem; }
details.run { margin: 0; padding: 0.75rem 0; border-top: 1px solid var(--rule); }
details.run:last-of-type { border-bottom: 1px solid var(--rule); }
details.run > summary { font-weight: 600; }
.command { margin: 0; padding: 0.875rem 1rem; border: 1px solid var(--rule); border-radius: 8px; background: var(--surface); font: 0.8125rem/1.5 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; white-space: pre-wrap; overflow-wrap: anywhere; }
.command code { font: inherit; }
.cards { columns: 22rem 2; column-gap: 1rem; }
.card { margin-bottom: 1rem; padding: 0.75rem 1rem; border: 1px solid var(--rule); border-radius: 8px; background: var(--surface); break-inside: avoid; }
.card h3 { margin: 0 0 0.375rem; }
dl { margin: 0; font-size: 0.875rem; }
dl > div { display: flex; gap: 1rem; justify-content: space-between; padding: 0.125rem 0; }
dt { flex: none; max-width: 50%; color: var(--muted); overflow-wrap: anywhere; }
dd { margin: 0; text-align: right; overflow-wrap: anywhere; font-variant-numeric: tabular-nums; }
.warnings { margin-top: 1.5rem; padding: 0.75rem 1rem; border-left: 4px solid var(--warn); background: var(--warn-surface); font-size: 0.9375rem; }
.warnings h2 { margin: 0; font-size: 0.9375rem; color: var(--warn); }
.warnings ul { margin: 0.25rem 0 0; padding-left: 1.125rem; overflow-wrap: anywhere; }

@media (max-width: 640px) {
  main, footer { padding-inline: 1rem; }
  header { padding-top: 1.75rem; }
  section { margin-top: 2rem; }
  figure { padding: 0.75rem 0.5rem 0.25rem 0.75rem; }
  figure > svg.wide { display: none; }
  figure > svg.narrow { display: block; max-width: 30rem; }
  th, td { padding: 0.4375rem 0.625rem; }
  tbody th { max-width: 11rem; position: sticky; left: 0; background: var(--surface); }
}
@media print {
  :root { --page: #ffffff; }
  body { font-size: 11pt; }
  main, footer { max-width: none; padding: 0; }
  header { padding-top: 0; }
  .scroll { overflow: visible; }
  .log { max-height: none; }
  .multiples { grid-template-columns: 1fr 1fr; }
  .cards { columns: 2; }
  thead th { position: static; }
  tr { break-inside: avoid; }
  h2, h3, summary { break-after: avoid; }
  .made::details-content { content-visibility: visible; block-size: auto; }
}
`;
