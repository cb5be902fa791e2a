/** Packs the buffers of a recording by their lives: those that are never needed at once share memory. */

/** A buffer's size, and the first and last command that use it. */
export interface Life {
  readonly size: number;
  readonly first: number;
  readonly last: number;
}

/** Memory of one size, and those that take turns in it. */
export interface Slot<L extends Life> {
  readonly size: number;
  readonly tenants: L[];
}

const meets = (a: Life, b: Life): boolean => a.first <= b.last && b.first <= a.last;

/**
 * The largest buffers choose first, so that a slot fits all who come later, and each takes the smallest slot that is free for all of its life. A slot
 * becomes a whole GPUBuffer and not a range of a large one: a dispatch may not read one range of a GPUBuffer and write another.
 */
export function planMemory<L extends Life>(lives: readonly L[]): Slot<L>[] {
  const slots: Slot<L>[] = [];
  for (const life of [...lives].sort((a, b) => b.size - a.size || a.first - b.first)) {
    const free = slots.findLast(({ tenants }) => !tenants.some((tenant) => meets(tenant, life)));
    if (free) free.tenants.push(life);
    else slots.push({ size: life.size, tenants: [life] });
  }
  return slots;
}
