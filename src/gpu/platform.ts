/** What differs between Node and browsers: how an adapter is found, and how the host waits for a software driver. */

/** `browser` is whatever the browser hands out, `host` a device or adapter that the caller passed. */
export type AdapterKind = "hardware" | "lavapipe" | "swiftshader" | "browser" | "host";

/** Why an adapter can or cannot be used here; `secateur doctor` prints these. */
export interface AdapterFinding {
  readonly kind: AdapterKind;
  readonly usable: boolean;
  /** One line: the device and driver, or what is missing. */
  readonly detail: string;
}

export interface OpenedAdapter {
  readonly adapter: GPUAdapter;
  readonly kind: AdapterKind;
  /** One line that says why this adapter was taken. */
  readonly reason: string;
}

/** Implemented by platform.node.ts and platform.web.ts, imported as `#platform`. */
export interface Platform {
  /** @throws GpuError with the remedies for this system when no adapter can be used. */
  openAdapter(kind?: AdapterKind): Promise<OpenedAdapter>;
  /** Every kind of adapter that was looked for, in order of preference. */
  surveyAdapters(): Promise<AdapterFinding[]>;
  /** Waits for the device. A software driver works on the same cores, so the host must sleep instead of polling. */
  settle<T>(work: Promise<T>, software: boolean): Promise<T>;
  /** Where the text of this name is kept, for warnings: a path, or what the browser's store calls it. */
  cachePlace(name: string): string;
  /** The text that was kept under this name, on this machine or in this browser's profile; undefined when there is none. */
  readCache(name: string): Promise<string | undefined>;
  /** Keeps a text under a name: readers see the old one or the new one whole. @throws Error where nothing can be kept. */
  writeCache(name: string, text: string): Promise<void>;
}
