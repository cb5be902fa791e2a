/** Times other libraries and Secateur on one adapter, a process each, one after another. */
import type { PeerResult } from "./peer.js";

export interface PeersOptions {
  /** Only rows whose name matches. */
  readonly filter?: RegExp;
  /** Only these; Secateur is always timed. */
  readonly peers?: readonly string[];
  /** Called after each row of each library. */
  readonly onResult?: (result: PeerResult) => void;
  /** Called with what is being done that takes a while, such as an installation. */
  readonly onProgress?: (what: string) => void;
  readonly signal?: AbortSignal;
}

/** @throws Error when the packages cannot be installed. What goes wrong in a library is in its results. */
export async function runPeers(_options: PeersOptions = {}): Promise<PeerResult[]> {
  return [];
}
