/** What kernels ask of a call beside the lengths of its buffers, for which `requireElements` is there. */
import { KernelError, ShapeError } from "../errors.js";
import { bufferOf } from "../gpu/scope.js";
import { whatIs } from "../gpu/what-is.js";
import type { BufferLike } from "./buffers.js";

/** Checks that every named size is a whole number from 1: no buffer is empty, and so no extent is. @throws ShapeError naming the operation and the size. */
export function requireSizes(op: string, sizes: Readonly<Record<string, number>>): void {
  for (const name in sizes) {
    if (!Number.isInteger(sizes[name]) || sizes[name] < 1) {
      throw new ShapeError(`${op}: ${name}: expected a positive integer, got ${whatIs(sizes[name])}`);
    }
  }
}

/** Checks a factor that may be left out. @throws ShapeError naming the operation and the factor, where it is there and no finite number. */
export function requireFinite(op: string, name: string, given: number | undefined): void {
  if (given === undefined || Number.isFinite(given)) return;
  throw new ShapeError(`${op}: ${name}: expected a finite number, got ${whatIs(given)}; correct it or leave it out`);
}

/** Checks that a word is one of those there are. @throws KernelError naming the operation and what the word is for. */
export function requireOneOf(op: string, name: string, words: readonly string[], got: unknown): void {
  if (words.includes(got as string)) return;
  const last = words.at(-1);
  const expected = words.length > 1 ? `${words.slice(0, -1).join(", ")} or ${last}` : last;
  throw new KernelError(`${op}: ${name}: expected ${expected}, got ${whatIs(got)}; correct it in the call`);
}

type Named = Readonly<Record<string, BufferLike | undefined>>;

/**
 * Checks that no result shares memory with an operand or another result. The dispatch checks it too, but knows its bindings only, of which unused ones
 * are filled with operands. @throws KernelError naming the operation and both buffers.
 */
export function requireApart(op: string, results: Named, operands: Named): void {
  const others = Object.entries(operands);
  for (const [name, result] of Object.entries(results)) {
    if (!result) continue;
    const shared = others.find(([, other]) => other && bufferOf(other).sharesMemory(bufferOf(result)));
    if (shared) {
      throw new KernelError(
        `${op}: ${name}: expected memory of its own, got that of ${shared[0]}; take another buffer`,
      );
    }
    others.push([name, result]);
  }
}
