/** Results of libraries as a table with ratios to Secateur's. */
import type { PeerResult } from "./peer.js";

/** A row a computation, a column a library: minimum and how many times Secateur's it is. */
export function peersTable(_results: readonly PeerResult[]): string[][] {
  return [];
}
