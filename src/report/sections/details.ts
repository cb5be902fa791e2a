import { DASH, integer, siPrefix } from "../format.js";
import { type Content, type Markup, markup, unbroken } from "../markup.js";
import type { DatasetSummary, Report, SettingValue } from "../types.js";

type Entries = Readonly<Record<string, Content>>;

/** Everything that is needed to make the report again. */
export function detailsSection({ command, seed, settings, data, model, adapter, versions }: Report): Markup {
  const { finetune, reference, examplesPerClass, ...common } = settings;
  const cards = [
    card("Settings", {
      ...settingEntries(common),
      "examples per class": examplesPerClass === null ? "all" : integer(examplesPerClass),
      "as the authors' code": printSetting(reference),
      seed: printSetting(seed),
    }),
    finetune && card("Training", settingEntries(finetune)),
    card("Data", { calibration: printDataset(data.calibration), evaluation: printDataset(data.evaluation) }),
    card("Model", {
      name: model.name,
      parameters: integer(model.parameters),
      "FLOPs per image": siPrefix(model.flops),
      ...settingEntries(model.config),
    }),
    card("Adapter", adapter ? { ...adapter } : { adapter: DASH }),
    card("Versions", { ...versions }),
  ];
  return markup`<section aria-labelledby="details"><h2 id="details">How it was made</h2>
<pre class="command"><code>${unbroken(command.map(shellQuote).join(" "))}</code></pre>
<details class="made"><summary>Settings, data, model, adapter and versions</summary>
<div class="cards">
${cards}</div>
</details></section>
`;
}

function card(title: string, entries: Entries): Markup {
  const rows = Object.entries(entries).map(
    ([name, value]) => markup`<div><dt>${name.replaceAll("_", " ")}</dt><dd>${value || DASH}</dd></div>
`,
  );
  return markup`<div class="card"><h3>${title}</h3><dl>${rows}</dl></div>
`;
}

function settingEntries(settings: Readonly<Record<string, SettingValue>>): Entries {
  return Object.fromEntries(Object.entries(settings).map(([name, value]) => [name, printSetting(value)]));
}

function printSetting(value: SettingValue | undefined): string {
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (Array.isArray(value)) return value.map(printSetting).join(", ");
  if (value === null || value === undefined || (typeof value === "number" && !Number.isFinite(value))) return DASH;
  return String(value);
}

function printDataset(dataset: DatasetSummary | null): string {
  if (!dataset) return DASH;
  return `${dataset.name}: ${integer(dataset.examples)} images, ${integer(dataset.classes)} classes`;
}

/** An argument as a POSIX shell reads it back. */
function shellQuote(argument: string): string {
  return /^[\w@%+=:,./-]+$/.test(argument) ? argument : `'${argument.replaceAll("'", "'\\''")}'`;
}
