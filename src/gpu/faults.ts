/** Turns what WebGPU reports late and elsewhere (uncaptured errors, device loss) into an exception at the next await. */
import { GpuError } from "../errors.js";
import { isOurs } from "./label.js";

export class FaultLog {
  #first: Error | undefined;
  #uncompiled: Error | undefined;
  #lost: GpuError | undefined;
  #closing = false;
  readonly #listener = (event: Event) => {
    const { error } = event as GPUUncapturedErrorEvent;
    if (this.shared && !isOurs(error.message)) return;
    if (!this.shared) event.preventDefault();
    this.#first ??= new GpuError(`device: ${firstParagraph(error.message)}`);
  };

  constructor(
    private readonly device: GPUDevice,
    /** The host's device: its own faults stay its own, and it still hears of ours. */
    private readonly shared: boolean,
  ) {
    device.addEventListener("uncapturederror", this.#listener);
    device.lost.then((info) => {
      if (this.#closing) return;
      const why = info.message || info.reason || "no reason given";
      this.#lost = new GpuError(`device lost: ${firstParagraph(why)}; create a new Gpu and run again`);
    });
  }

  /** @throws the first kernel since the last call that did not compile, else the device's first fault; a lost device stays lost. */
  check(): void {
    if (this.#lost) throw this.#lost;
    const fault = this.#uncompiled ?? this.#first;
    this.#uncompiled = undefined;
    this.#first = undefined;
    if (fault) throw fault;
  }

  /** @throws GpuError after destroy(), or when the device is known to be lost. */
  assertOpen(what: string): void {
    if (this.#closing) {
      throw new GpuError(`${what}: expected an open device, got one after destroy(); create a new Gpu`);
    }
    if (this.#lost) throw this.#lost;
  }

  /** Takes down that a kernel does not compile: of what follows from it, the device may report some before. */
  report(uncompiled: Error): void {
    this.#uncompiled ??= uncompiled;
  }

  close(): void {
    this.#closing = true;
    this.device.removeEventListener("uncapturederror", this.#listener);
  }

  get closed(): boolean {
    return this.#closing;
  }
}

/** Dawn repeats itself after an empty line; its first paragraphs say what, where and under which label. */
export function firstParagraph(message: string): string {
  return message.split("\n\nvalidation:")[0].trim();
}
