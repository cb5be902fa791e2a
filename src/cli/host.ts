/** What a command may use besides its arguments. Tests and other programs pass their own. */
import type { Gpu } from "../gpu/index.js";

export interface TextStream {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
}

export interface Host {
  readonly stdout: TextStream;
  readonly stderr: TextStream;
  /** Ends the work; its reason is what the command fails with. */
  readonly signal: AbortSignal;
  /** The command owns what it gets and destroys it. */
  openGpu(): Promise<Gpu>;
}

/** A host, and what this call of the program was. */
export interface CommandContext extends Host {
  /** Arguments as they were given, without the program. */
  readonly args: readonly string[];
  /** Whether a program reads stdout. */
  readonly json: boolean;
  /** A remark for people, on stderr. */
  note(text: string): void;
}

/** What a command ends with: one document for programs and a few lines for people. */
export interface Outcome {
  readonly data: unknown;
  readonly text: string;
  /** 0 unless given. */
  readonly exitCode?: number;
}
