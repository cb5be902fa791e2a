/** Makes a value at its first use: the inputs of bench shapes are large, and a test run never needs them. */
export function lazy<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => (made ??= { value: make() }).value;
}
