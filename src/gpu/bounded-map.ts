/** A map that forgets what was not used lately, at the cost of a second look-up instead of a list in order of use. */
export class BoundedMap<V> {
  #recent = new Map<string, V>();
  #older = new Map<string, V>();

  /** Holds at most `limit` values, and surely the last `limit / 2` that were used. */
  constructor(private readonly limit: number) {}

  get size(): number {
    return this.#recent.size + this.#older.size;
  }

  get(key: string): V | undefined {
    const recent = this.#recent.get(key);
    if (recent !== undefined) return recent;
    const older = this.#older.get(key);
    if (older === undefined) return undefined;
    this.#older.delete(key);
    this.set(key, older);
    return older;
  }

  set(key: string, value: V): void {
    if (this.#recent.size >= this.limit / 2) {
      this.#older = this.#recent;
      this.#recent = new Map();
    }
    this.#recent.set(key, value);
  }

  clear(): void {
    this.#recent.clear();
    this.#older.clear();
  }
}
