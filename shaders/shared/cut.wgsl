// Where an order of scores is cut: what has a smaller key is pruned, and of those with this key what lies up to `last` in the range.
struct Cut { key: u32, last: u32 }
