/** Results of libraries as a table with ratios to Secateur's times. */
import type { PeerResult } from "./peer.js";

const TITLES: Readonly<Record<string, string>> = {
  secateur: "Secateur",
  tfjs: "TensorFlow.js",
  jax: "jax-js",
  "onnxruntime/webgpu": "onnxruntime-web (C++)",
  "onnxruntime/all": "onnxruntime-web (TypeScript)",
};

const titleOf = (peer: string): string => TITLES[peer] ?? peer;

/** The shortest sample in milliseconds; undefined where a library has no right result. */
export const shortest = ({ samples }: PeerResult): number | undefined =>
  samples.length > 0 ? Math.min(...samples) : undefined;

/** How many times as long as Secateur a library takes at a row. */
export function ratio(results: readonly PeerResult[], { row, ...result }: PeerResult): number | undefined {
  const ours = results.find((other) => other.peer === "secateur" && other.row === row);
  const [own, theirs] = [ours && shortest(ours), shortest({ row, ...result })];
  return own === undefined || theirs === undefined ? undefined : theirs / own;
}

/** The least of the libraries' ratios at a row. */
export function bestRatio(results: readonly PeerResult[], row: string): number | undefined {
  const others = results.filter((result) => result.row === row && result.peer !== "secateur");
  const ratios = others.map((result) => ratio(results, result)).filter((value) => value !== undefined);
  return ratios.length > 0 ? Math.min(...ratios) : undefined;
}

const digits = (value: number): string => (value < 100 ? value.toPrecision(3) : Math.round(value).toString());
const times = (value: number | undefined): string => (value === undefined ? "" : `${digits(value)}x`);

function cell(results: readonly PeerResult[], result: PeerResult | undefined): string {
  if (!result) return "";
  const milliseconds = shortest(result);
  if (milliseconds === undefined) return result.correct ? "cannot" : "fails";
  return [digits(milliseconds), result.peer === "secateur" ? "" : times(ratio(results, result))].join(" ").trim();
}

const inOrder = (values: readonly string[]): string[] => [...new Set(values)];

/** A row a computation, a column a library: its shortest time in milliseconds, and how many times Secateur's that is. */
export function peersTable(results: readonly PeerResult[]): string[][] {
  const peers = inOrder(results.map(({ peer }) => peer));
  const rows = inOrder(results.map(({ row }) => row));
  const find = (peer: string, row: string) => results.find((result) => result.peer === peer && result.row === row);
  return [
    ["ms", ...peers.map(titleOf), "best of them"],
    ...rows.map((row) => [row, ...peers.map((peer) => cell(results, find(peer, row))), times(bestRatio(results, row))]),
  ];
}

/** What to know of single cells, a line each; the same note of several rows once. */
export function peersNotes(results: readonly PeerResult[]): string[] {
  const noted = new Map<string, string[]>();
  for (const { peer, row, samples, correct, note } of results) {
    if (!note) continue;
    const kind = samples.length > 0 ? "" : correct ? "cannot: " : "fails: ";
    const text = `${titleOf(peer)}: ${kind}${note}`;
    noted.set(text, [...(noted.get(text) ?? []), row]);
  }
  return [...noted].map(([text, rows]) => `${text} (${rows.join("; ")})`);
}
