/** What happens while a model is pruned, and who wants to know. */
import type { Tensor } from "../tensor/index.js";
import type { StepReport } from "../train/index.js";
import { checkName } from "./check-name.js";
import type { Selection } from "./select.js";

/** One round of scoring and selecting. */
export interface PruneRound {
  /** From 0. */
  readonly round: number;
  /** Part of the units that the schedule asked to keep; NaN where the amount is no part of the units. */
  readonly density: number;
  /** Units kept. */
  readonly kept: number;
  /** By ranked range: one for scope `global`, one a group for scope `layer`, one a key otherwise. */
  readonly selections: readonly Selection[];
}

/** Which round an event belongs to. */
export interface InRound {
  /** From 0. */
  readonly round: number;
  readonly rounds: number;
}

/** Events of a `Pruner` by name, with what their handlers get, in the order in which they happen in a round. */
export interface PrunerEvents {
  readonly started: {
    readonly rounds: number;
    readonly units: number /** Rounds that a resumed run has behind it. */;
    readonly done: number;
  };
  readonly roundStarted: InRound & { readonly density: number };
  /** `batches` is unknown for iterables of batches. */
  readonly batchScored: InRound & { readonly batch: number; readonly batches: number | undefined };
  /** Scores on the device, one a unit; to be read only while the handler runs. */
  readonly scored: InRound & { readonly scores: Tensor };
  readonly selected: InRound & { readonly selections: readonly Selection[]; readonly kept: number };
  readonly masked: InRound & { readonly kept: number };
  /** A training step of the round's finetuning. */
  readonly step: InRound & StepReport;
  readonly epoch: InRound & StepReport;
  readonly finetuned: InRound;
  readonly roundCompleted: InRound & PruneRound;
  readonly completed: { readonly rounds: readonly PruneRound[] };
  readonly failed: { readonly error: unknown };
}

/** Names of the events, in the order in which they happen. */
export const EVENTS = [
  "started",
  "roundStarted",
  "batchScored",
  "scored",
  "selected",
  "masked",
  "step",
  "epoch",
  "finetuned",
  "roundCompleted",
  "completed",
  "failed",
] as const satisfies readonly (keyof PrunerEvents)[];

/** Called with what happened; what it returns is awaited before anything else happens. */
export type Handler<Event> = (event: Event) => void | Promise<void>;

/** Handlers to begin with, by event name. */
export type Handlers = { readonly [Name in keyof PrunerEvents]?: Handler<PrunerEvents[Name]> };

/** Handlers by event name. They run in the order in which they were added, one after the other. */
export class Emitter<Events> {
  readonly #handlers = new Map<keyof Events, Set<Handler<never>>>();

  constructor(private readonly names: readonly (keyof Events & string)[]) {}

  /** Adds a handler. Returns what takes it away again. */
  on<Name extends keyof Events>(name: Name, handler: Handler<Events[Name]>): () => void {
    checkName("on: events", String(name), this.names);
    const handlers = this.#handlers.get(name) ?? new Set();
    this.#handlers.set(name, handlers.add(handler));
    return () => void handlers.delete(handler);
  }

  /** Adds the handlers that are given. */
  addAll(handlers: { readonly [Name in keyof Events]?: Handler<Events[Name]> }): void {
    for (const name in handlers) {
      const handler = handlers[name];
      if (handler) this.on(name, handler);
    }
  }

  async emit<Name extends keyof Events>(name: Name, event: Events[Name]): Promise<void> {
    for (const handler of [...(this.#handlers.get(name) ?? [])]) await (handler as Handler<Events[Name]>)(event);
  }
}
