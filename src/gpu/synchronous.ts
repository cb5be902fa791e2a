/** Callbacks whose effect ends when they return: what they did after an `await` would land somewhere else. */
import { KernelError, UsageError } from "../errors.js";
import { whatIs } from "./what-is.js";

/** `T`, unless it is a promise: an async callback does not compile. */
export type Synchronous<T> = T extends PromiseLike<unknown> ? never : T;

/** Calls `fn`. @throws KernelError when it returns a promise. @throws UsageError when it is no function. */
export function callSynchronously<T>(what: string, fn: () => T): T {
  if (typeof fn !== "function") {
    throw new UsageError(`${what}: expected a function, got ${whatIs(fn)}; pass what is to be done inside`);
  }
  const result = fn();
  if (typeof (result as { then?: unknown } | null | undefined)?.then === "function") {
    Promise.resolve(result).catch(() => {}); // this error comes first and says why
    throw new KernelError(
      `${what}: expected a synchronous callback, got one that returns a promise; await outside of it`,
    );
  }
  return result;
}
